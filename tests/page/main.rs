//! The page, as a person uses it: in a headless Chromium that is driven through `WebDriver`.
//!
//! Where `chromedriver` is not installed the tests are skipped by name; with `PET_REQUIRE_BROWSER=1`
//! that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail as tests do"
)]

mod accessibility;
mod browser;
mod crop;
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

use browser::{Browser, DESK};

/// Width and height of the photograph that the tests show to the page, in pixels.
const WIDTH: f64 = 451.0;
const HEIGHT: f64 = 300.0;

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

/// The file of a photograph, to choose.
fn file(name: &str) -> PathBuf {
    service::root().join("tests/page").join(name)
}

/// The page with the photograph chosen and predicted.
fn page_with_photograph(test: &str) -> Option<Browser> {
    let browser = page(test)?;
    browser.choose("#file", &file("cat.jpg"));
    browser.until("document.querySelectorAll('.bars li').length === 5");
    Some(browser)
}
