//! The page, as a person uses it: in a headless Chromium that is driven through `WebDriver`.
//!
//! Where `chromedriver` is not installed the tests are skipped by name; with `PET_REQUIRE_BROWSER=1`
//! that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod browser;
mod crop;
mod driver;
mod looks;
mod model;
mod predict;
mod service;
mod tabs;
mod transform;

use std::path::PathBuf;

use browser::{Browser, DESK};

/// What the tests show to the page.
const DRAWING: &str = "golden-dog.jpg";

/// Width and height of the drawing, in pixels.
const SIDE: f64 = 480.0;

/// A browser with the page open; nothing where the machine lacks what that takes.
fn page(test: &str) -> Option<Browser> {
    let address = service::address(test)?;
    let browser = Browser::open(address, DESK);
    if browser.is_none() {
        let required = std::env::var_os("PET_REQUIRE_BROWSER").is_some_and(|set| set == "1");
        assert!(!required, "chromedriver cannot be started");
        skipped(test, "there is no chromedriver");
    }
    browser
}

/// Says that a test was not run, and why.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
}

/// A drawing of the page, as a file to choose.
fn drawing() -> PathBuf {
    service::root().join("crates/pet-api/assets").join(DRAWING)
}

/// The page with the drawing chosen and predicted.
fn page_with_drawing(test: &str) -> Option<Browser> {
    let browser = page(test)?;
    browser.choose("#file", &drawing());
    browser.until("document.querySelectorAll('.bars li').length === 5");
    Some(browser)
}
