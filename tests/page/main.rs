//! Tests of the web page in a headless Chromium, driven through `WebDriver`.
//!
//! Without `chromedriver` the tests are skipped, or fail if `PET_REQUIRE_BROWSER` is 1.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod accessibility;
mod browser;
mod crop;
mod docs;
mod driver;
mod large;
mod looks;
mod model;
mod part;
mod predict;
mod service;
mod tabs;
mod transform;
mod verdict;
mod visit;

use std::path::PathBuf;

use browser::{Browser, DESKTOP};
use pet_tests::skipped;

/// Width and height of the photograph in pixels.
const WIDTH: f64 = 451.0;
const HEIGHT: f64 = 300.0;

/// A browser with the page open, unless ONNX Runtime or chromedriver is missing.
fn page() -> Option<Browser> {
    let address = service::address()?;
    let browser = Browser::open(address, DESKTOP);
    if browser.is_none() {
        let required = std::env::var_os("PET_REQUIRE_BROWSER").is_some_and(|set| set == "1");
        assert!(!required, "chromedriver cannot be started");
        skipped("there is no chromedriver");
    }
    browser
}

/// The path of a file beside the tests.
fn file(name: &str) -> PathBuf {
    pet_tests::root().join("tests/page").join(name)
}

/// The page after the prediction of the photograph.
fn page_with_photograph() -> Option<Browser> {
    let browser = page()?;
    browser.choose("#file", &file("cat.jpg"));
    browser.until("document.querySelectorAll('.bars li').length === 5");
    Some(browser)
}
