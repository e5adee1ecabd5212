//! The tab Crop: the box on the photograph.

use serde_json::Value;

use crate::browser::{Browser, key};
use crate::{HEIGHT, WIDTH, page_with_photograph};

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
    assert_eq!(link, serde_json::json!(["cropped_cat.jpg", "blob:"]));
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
