//! The service under test, one for all tests.

use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;

use pet_api::{Application, Configuration, block_on};
use pet_tests::{results, runtime};

/// Starts the service at the first call; its address, or nothing where ONNX Runtime is missing.
pub(crate) fn address(test: &str) -> Option<&'static str> {
    static ADDRESS: OnceLock<Option<String>> = OnceLock::new();
    ADDRESS.get_or_init(|| start(test)).as_deref()
}

fn start(test: &str) -> Option<String> {
    let runtime = runtime(test)?;
    let configuration = Configuration {
        port: 0,
        results: results(),
        ..Configuration::default()
    };
    let (tell, told) = channel();
    // It serves until the process of the tests ends.
    thread::spawn(move || {
        block_on(async {
            let application = Application::build(configuration, runtime).unwrap();
            tell.send(application.port()).unwrap();
            application.run_until_stopped().await.unwrap();
        });
    });
    let port = told.recv().expect("the service starts");
    Some(format!("http://127.0.0.1:{port}/"))
}
