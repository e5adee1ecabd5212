//! The square for the model on the tab Predict.

use std::collections::HashMap;

use pet_image::{Filter, Format, Limits, RgbImage, decode, encode_rgb, resize};
use tempfile::TempDir;

use crate::browser::{Browser, key};
use crate::{HEIGHT, WIDTH, center_crop, file, page, page_with_photograph};

/// Width of an image with the cat at its right edge, in pixels.
const WIDE: f64 = 1500.0;

/// What screen readers announce.
const STATUS: &str = "document.getElementById('status').textContent";

/// Breeds with which a spotted cat is confused.
const SPOTTED: [&str; 3] = ["Egyptian Mau", "Abyssinian", "Bengal"];

fn wide(folder: &TempDir) -> std::path::PathBuf {
    let photograph = fs_err::read(file("cat.jpg")).unwrap();
    let cat = decode(&photograph, &Limits::default()).unwrap().image;
    let cat = resize(&cat, WIDTH as u32, HEIGHT as u32, Filter::Lanczos).unwrap();
    let gap = WIDE as u32 - cat.width();
    let picture = RgbImage::from_fn(WIDE as u32, cat.height(), |x, y| {
        if x < gap { [120; 3].into() } else { *cat.get_pixel(x - gap, y) }
    });
    let path = folder.path().join("wide.png");
    fs_err::write(&path, encode_rgb(&picture, Format::Png).unwrap()).unwrap();
    path
}

/// The probabilities of the five breeds on the page, in percent.
fn breeds(page: &Browser) -> HashMap<String, f64> {
    let shown = page.value(
        "Object.fromEntries([...document.querySelectorAll('.bars li')].map((line) =>
           [line.querySelector('.breed').textContent, parseFloat(line.querySelector('.share').textContent)]))",
    );
    serde_json::from_value(shown).unwrap()
}

fn spotted(page: &Browser) -> f64 {
    let breeds = breeds(page);
    SPOTTED.iter().filter_map(|breed| breeds.get(*breed)).sum()
}

/// Left edge and width of the square, in pixels of a photograph of this width.
fn square(page: &Browser, width: f64) -> (f64, f64) {
    let shares = page.value(
        "((layer, box) => [(box.left - layer.left) / layer.width, box.width / layer.width])
           (document.querySelector('.part-layer').getBoundingClientRect(),
            document.querySelector('.part-box').getBoundingClientRect())",
    );
    let (left, side): (f64, f64) = serde_json::from_value(shares).unwrap();
    (left * width, side * width)
}

/// The side of the square that the model sees of the photograph, in pixels.
fn seen_side() -> f64 {
    let [resize, size] = center_crop();
    HEIGHT * f64::from(size) / f64::from(resize)
}

/// The position in the window of a pixel of the wide image.
fn position(page: &Browser, x: f64) -> (f64, f64) {
    let area = page.value(
        "((area) => [area.left, area.top, area.width, area.height])
           (document.querySelector('.part-layer').getBoundingClientRect())",
    );
    let [left, top, width, height]: [f64; 4] = serde_json::from_value(area).unwrap();
    (left + x / WIDE * width, top + height / 2.0)
}

#[test]
fn dragged_square_is_predicted() {
    let Some(page) = page() else { return };
    let folder = tempfile::tempdir().unwrap();
    page.choose("#file", &wide(&folder));
    page.until("document.querySelectorAll('.bars li').length === 5");
    page.until("document.querySelector('.part-box').checkVisibility()");
    // By default the middle, where there is no cat.
    let expected = seen_side();
    let (left, side) = square(&page, WIDE);
    let middle = (WIDE - expected) / 2.0;
    assert!((left - middle).abs() < 3.0 && (side - expected).abs() < 3.0, "{left} {side}");
    let whole = breeds(&page);
    assert!(spotted(&page) < 50.0, "{whole:?}");
    page.until("document.getElementById('part-predict').ariaDisabled === 'true'");

    page.drag(position(&page, 750.0), position(&page, WIDE - WIDTH / 2.0));
    let (left, side) = square(&page, WIDE);
    let dragged = WIDE - WIDTH / 2.0 - expected / 2.0;
    assert!((left - dragged).abs() < 6.0 && (side - expected).abs() < 3.0, "{left} {side}");
    page.watch_uploads();
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    assert!(spotted(&page) > 60.0, "{:?}", breeds(&page));
    // Only that part was sent, with the margin that preprocessing crops.
    let sent = page.text("document.querySelector('.sent').textContent");
    let with_margin = (expected.floor() * HEIGHT / expected) as u32;
    assert!(sent.starts_with(&format!("Sent as {with_margin} × {with_margin} pixels, ")), "{sent}");
    assert_eq!(page.value("uploads.length"), 1);

    page.click("#part-whole");
    page.until("!document.querySelector('.note').textContent.startsWith('This part')");
    assert_eq!(breeds(&page), whole);
    assert_eq!(page.value("uploads.length"), 1);
    page.check_quiet();
}

#[test]
fn square_is_moved_by_keyboard() {
    let Some(page) = page_with_photograph() else { return };
    page.until("document.querySelector('.part-box').checkVisibility()");
    let (start, side) = square(&page, WIDTH);
    page.value("document.querySelector('.part-box').focus()");
    page.press(&[key::RIGHT; 20]);
    let (left, _) = square(&page, WIDTH);
    assert!((left - start - 20.0).abs() < 0.5, "{start} {left}");
    page.press(&['-'; 15]);
    let (left, smaller) = square(&page, WIDTH);
    assert!((side - smaller - 30.0).abs() < 0.5, "{side} {smaller}");
    assert!((left - start - 35.0).abs() < 0.5, "{start} {left}");
    // No further than the photograph.
    page.press(&[key::LEFT; 150]);
    let (left, _) = square(&page, WIDTH);
    assert!(left.abs() < 0.5, "{left}");
    page.until(&format!("{STATUS}.includes(' pixels, 0 from the left, ')"));
    page.value("document.getElementById('part-predict').focus()");
    page.press(&['\u{e007}']);
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    assert_eq!(page.text("document.activeElement.id"), "part-predict");
    page.check_quiet();
}

/// The box fills the photo at first, so that it can only become smaller.
#[test]
fn part_of_a_photo_that_the_model_sees_whole_is_chosen_by_keyboard() {
    let Some(page) = page() else { return };
    page.reload_after(
        "((fetch) => {
           window.fetch = async (url, options) => {
             const answer = await fetch(url, options);
             if (new URL(url).pathname !== '/model') return answer;
             const model = await answer.json();
             model.preprocess.resize = { stretch: { size: 224 } };
             return Response.json(model);
           };
         })(window.fetch)",
    );
    page.choose("#file", &file("cat.jpg"));
    page.until("document.querySelectorAll('.bars li').length === 5");
    assert_eq!(square(&page, WIDTH), (0.0, WIDTH));
    // Half of each handle lies beyond the photo, and can be taken there.
    let handles = page.value(
        "[...document.querySelectorAll('.part-box .grip')].map((grip) => {
           const { x, y, width, height } = grip.getBoundingClientRect();
           const outwards = (place) => (/[nw]/.test(place) ? 0.25 : 0.75);
           const { grip: name } = grip.dataset;
           return document.elementFromPoint(x + width * outwards(name[1]), y + height * outwards(name[0])) === grip;
         })",
    );
    assert_eq!(handles, serde_json::json!([true, true, true, true]));

    page.value("document.querySelector('.part-box').focus()");
    page.press(&['-'; 20]);
    page.press(&[key::RIGHT; 5]);
    page.until(&format!("{STATUS} === '411 × 260 pixels, 25 from the left, 20 from the top.'"));
    page.press(&['='; 3]);
    page.until(&format!("{STATUS}.startsWith('417 × 266 pixels, 22 ')"));
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    let sent = page.text("document.querySelector('.sent').textContent");
    assert!(sent.starts_with("Sent as 417 × 266 pixels, "), "{sent}");
    page.check_quiet();
}

#[test]
fn explanation_covers_the_square() {
    let Some(page) = page_with_photograph() else { return };
    let lies_in_it = "((heat, box) => ['left', 'top', 'right', 'bottom'].every((edge) => Math.abs(heat[edge] - box[edge]) < 2))
       (document.querySelector('.heat').getBoundingClientRect(), document.querySelector('.part-box').getBoundingClientRect())";
    page.until("document.querySelector('#explain-switch').checkVisibility()");
    page.click("#explain");
    page.until("document.querySelector('.heat').checkVisibility()");
    page.until(lies_in_it);
    page.value("document.querySelector('.part-box').focus()");
    page.press(&[key::LEFT; 30]);
    page.until(&format!("!({lies_in_it})"));
    page.click("#part-predict");
    page.until("document.querySelector('.note').textContent.startsWith('This part')");
    page.until(&format!("document.querySelector('.heat').checkVisibility() && {lies_in_it}"));
    page.check_quiet();
}
