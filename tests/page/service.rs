//! The service, which all tests share.

use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;

use pet_api::{Application, Configuration, FeedbackFolder, block_on};
use pet_tests::{results, runtime, skipped};

/// The address of the service, which is started at the first call; `None` without ONNX Runtime.
pub(crate) fn address() -> Option<&'static str> {
    static ADDRESS: OnceLock<Option<String>> = OnceLock::new();
    let address = ADDRESS.get_or_init(|| start(Some(feedback()))).as_deref();
    if address.is_none() {
        skipped("there is no ONNX Runtime");
    }
    address
}

/// Where the service stores corrections.
pub(crate) fn feedback() -> FeedbackFolder {
    FeedbackFolder {
        folder: Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("page-{}", std::process::id())),
        bytes: 1 << 20,
        count: 100,
    }
}

/// Starts a service, and returns its address.
pub(crate) fn start(feedback: Option<FeedbackFolder>) -> Option<String> {
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
