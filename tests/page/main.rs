//! Tests of the web page in a headless Chromium, driven through `WebDriver`.
//!
//! Without `chromedriver` the tests are skipped, or fail if `PET_REQUIRE_BROWSER` is 1.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail as tests do")]

mod browser;
mod large;
mod looks;
mod model;
mod navigation;
mod part;
mod predict;
mod transform;
mod verdict;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;

use pet_api::{Application, Configuration, FeedbackFolder, block_on};
use pet_image::Resize;
use pet_tests::{recipe, results, root, runtime, skipped};

use browser::{Browser, DESKTOP};

/// Width and height of the photograph in pixels.
const WIDTH: f64 = 451.0;
const HEIGHT: f64 = 300.0;

/// A browser with the page open, unless ONNX Runtime or chromedriver is missing.
fn page() -> Option<Browser> {
    let address = address()?;
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
    root().join("tests/page").join(name)
}

/// What the recipe of the committed model resizes the shorter side of a photo to, and the side of the square that it then
/// crops.
fn center_crop() -> [u32; 2] {
    let Resize::CenterCrop { resize, size } = recipe().resize else {
        panic!("the model sees no square of a photo");
    };
    [resize, size]
}

/// The page after the prediction of the photograph.
fn page_with_photograph() -> Option<Browser> {
    let browser = page()?;
    browser.choose("#file", &file("cat.jpg"));
    browser.until("document.querySelectorAll('.bars li').length === 5");
    Some(browser)
}

/// The address of the service, which all tests share and which is started at the first call; `None` without ONNX Runtime.
fn address() -> Option<&'static str> {
    static ADDRESS: OnceLock<Option<String>> = OnceLock::new();
    let address = ADDRESS.get_or_init(|| start_service(Some(feedback()))).as_deref();
    if address.is_none() {
        skipped("there is no ONNX Runtime");
    }
    address
}

/// Where the service stores corrections.
fn feedback() -> FeedbackFolder {
    FeedbackFolder {
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{}", std::process::id())),
        bytes: 1 << 20,
        count: 100,
    }
}

/// Starts a service, and returns its address.
fn start_service(feedback: Option<FeedbackFolder>) -> Option<String> {
    let runtime = runtime()?;
    let configuration =
        Configuration { port: 0, results: results().into(), feedback, ..Configuration::default() };
    let (sender, receiver) = channel();
    // The service runs until the test process ends.
    thread::spawn(move || {
        block_on(async {
            let application = Application::build(configuration, runtime).unwrap();
            sender.send(application.port()).unwrap();
            application.run_until_stopped().await.unwrap();
        });
    });
    let port = receiver.recv().expect("the service starts");
    Some(format!("http://127.0.0.1:{port}/"))
}
