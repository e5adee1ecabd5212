//! The tabs Resize, Grayscale, Crop and Normalize: before and after, and the box on the photograph.

use serde_json::{Value, json};

use crate::browser::{Browser, key};
use crate::{HEIGHT, WIDTH, file, page_with_photograph};

/// Opens the tab, and waits for a result of this size.
#[track_caller]
fn after(page: &Browser, tab: &str, width: u32, height: u32) {
    page.until(&format!(
        "((after) => after && after.naturalWidth === {width} && after.naturalHeight === {height})
           (document.querySelector('#{tab} .after img'))"
    ));
}

#[test]
fn every_tab_shows_before_and_after_and_a_download() {
    let Some(page) = page_with_photograph() else { return };
    for (tab, prefix, width, height) in [
        ("resize", "resized", 224, 224),
        ("grayscale", "gray", 451, 300),
        ("normalize", "normalized", 451, 300),
    ] {
        page.click(&format!("#tab-{tab}"));
        after(&page, tab, width, height);
        page.until("document.getElementById('preview').naturalWidth === 451");
        let link = page.value(&format!(
            "((link) => [link.download, link.href.slice(0, 5)])(document.querySelector('#{tab} a'))"
        ));
        assert_eq!(link, json!([format!("{prefix}_cat.jpg"), "blob:"]));
        let command = page.text(&format!("document.querySelector('#{tab} code').textContent"));
        assert!(command.contains(&format!("/{tab}")), "{command}");
        assert!(command.ends_with(&format!("-o '{prefix}_cat.jpg'")), "{command}");
    }
    page.check_quiet();
}

#[test]
fn new_size_is_applied_while_typing() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-resize");
    after(&page, "resize", 224, 224);
    page.value("document.querySelector('#resize [name=width]').select()");
    page.press(&['1', '0', '0']);
    after(&page, "resize", 100, 224);
    page.click("#keep-shape");
    after(&page, "resize", 100, 67);

    // The next photograph is transformed with the same parameters; the service cannot decode this one.
    page.choose("#other-file", &file("cat.avif"));
    page.until("document.querySelector('#resize code').textContent.includes('cat.avif')");
    page.until("document.querySelector('#resize a').download.startsWith('resized_cat.')");
    after(&page, "resize", 100, 67);
    page.check_quiet();
}

/// Typing a number starts with an empty field, which is not an error of the service.
#[test]
fn empty_number_shows_an_error() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-resize");
    after(&page, "resize", 224, 224);
    page.value(
        "((field) => { field.value = ''; field.dispatchEvent(new Event('input', { bubbles: true })); })
           (document.querySelector('#resize [name=width]'))",
    );
    let problem = "document.querySelector('#resize .problem').textContent";
    page.until(problem);
    assert_eq!(page.text(problem), "Width must be a whole number from 1 to 10000.");
    page.until("!document.querySelector('#resize .after .frame').checkVisibility()");
    let link = page
        .value("((link) => [link.href, link.ariaDisabled])(document.querySelector('#resize a'))");
    assert_eq!(link, json!(["", "true"]));
    page.check_quiet();
}

/// Left, top, right and bottom in the fields.
fn edges(page: &Browser) -> Vec<f64> {
    let values = page
        .value("[...document.querySelectorAll('#crop input')].map((field) => field.valueAsNumber)");
    serde_json::from_value(values).unwrap()
}

/// The position in the window of a pixel of the photograph.
fn position(page: &Browser, x: f64, y: f64) -> (f64, f64) {
    let area: Value = page.value(
        "((area) => [area.left, area.top, area.width, area.height])(document.querySelector('.crop-layer').getBoundingClientRect())",
    );
    let area: Vec<f64> = serde_json::from_value(area).unwrap();
    (area[0] + x / WIDTH * area[2], area[1] + y / HEIGHT * area[3])
}

/// Waits for the cropped image, and checks its size.
#[track_caller]
fn check_cropped(page: &Browser) {
    let edges = edges(page);
    let (width, height) = (edges[2] - edges[0], edges[3] - edges[1]);
    page.until(&format!(
        "((after) => after && after.naturalWidth === {width} && after.naturalHeight === {height})
           (document.querySelector('#crop .after img'))"
    ));
    let facts = page.text("document.querySelector('#crop .facts').textContent");
    assert!(facts.starts_with(&format!("{width} × {height} · JPEG")), "{facts}");
}

#[track_caller]
fn near(edges: &[f64], expected: [f64; 4]) {
    // A pixel of the window covers more than one of the photograph.
    let is_near = edges.iter().zip(expected).all(|(edge, wanted)| (edge - wanted).abs() <= 3.0);
    assert!(is_near, "{edges:?}, expected {expected:?}");
}

#[test]
fn box_is_dragged() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-crop");
    near(&edges(&page), [90.0, 60.0, 361.0, 240.0]);
    check_cropped(&page);

    // A new box, from outside of the first one, from right to left.
    page.drag(position(&page, 430.0, 280.0), position(&page, 60.0, 40.0));
    near(&edges(&page), [60.0, 40.0, 430.0, 280.0]);
    check_cropped(&page);
    // By a corner.
    page.drag(position(&page, 430.0, 280.0), position(&page, 200.0, 140.0));
    near(&edges(&page), [60.0, 40.0, 200.0, 140.0]);
    check_cropped(&page);
    // By its middle, beyond the edge of the photograph.
    page.drag(position(&page, 130.0, 90.0), position(&page, 130.0, 290.0));
    near(&edges(&page), [60.0, 200.0, 200.0, 300.0]);
    check_cropped(&page);

    let link = page.value(
        "((link) => [link.download, link.href.slice(0, 5)])(document.querySelector('#crop a'))",
    );
    assert_eq!(link, json!(["cropped_cat.jpg", "blob:"]));
    page.check_quiet();
}

#[test]
fn box_is_moved_by_keyboard() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-crop");
    page.value("document.querySelector('.crop-box').focus()");
    page.press(&[key::RIGHT, key::RIGHT, key::DOWN]);
    assert_eq!(edges(&page), [92.0, 61.0, 363.0, 241.0]);
    check_cropped(&page);

    page.value("document.querySelector('#crop [name=right]').select()");
    page.press(&['1', '5', '0']);
    assert_eq!(edges(&page), [92.0, 61.0, 150.0, 241.0]);
    check_cropped(&page);
    // Meanwhile the box is empty.
    page.check_requests();
}

#[test]
fn empty_box_shows_an_error() {
    let Some(page) = page_with_photograph() else { return };
    page.click("#tab-crop");
    check_cropped(&page);
    page.value("document.querySelector('#crop [name=right]').select()");
    page.press(&['9']);
    page.until("document.querySelector('#crop .problem').textContent.endsWith('.')");
    // The previous result is removed.
    page.until("!document.querySelector('#crop .after .frame').checkVisibility()");
    page.until("!document.querySelector('#crop a').href");
    page.press(&['9']);
    page.until("document.querySelector('#crop .problem').textContent === ''");
    check_cropped(&page);
}
