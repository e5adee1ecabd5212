//! Optional programs: ONNX Runtime, Python's `onnx`.

use std::path::PathBuf;
use std::process::Command;

use pet_predict::{Runtime, SearchPaths};

use crate::root;

/// Reports that the current test is skipped. The test harness names threads after their tests.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skipped(reason: impl std::fmt::Display) {
    let thread = std::thread::current();
    eprintln!("skipped: {}: {reason}", thread.name().unwrap_or_default());
}

/// ONNX Runtime from `ORT_DYLIB_PATH`, the project's cache or the system.
///
/// # Panics
///
/// When it is missing and `PET_REQUIRE_RUNTIME` is 1.
pub fn runtime() -> Option<Runtime> {
    let library = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let paths =
        SearchPaths::default().with_folder(root().join(".cache/onnxruntime")).with_library(library);
    match Runtime::load(&paths) {
        Ok(runtime) => Some(runtime),
        Err(error) => {
            let required = std::env::var_os("PET_REQUIRE_RUNTIME").is_some_and(|set| set == "1");
            assert!(!required, "{error}");
            skipped(error);
            None
        }
    }
}

/// `PET_PYTHON`, by default the interpreter in the project's cache, if it can import `onnx`.
pub fn python_with_onnx() -> Option<PathBuf> {
    let cached = root().join(".cache/python-env/bin/python");
    let python = std::env::var_os("PET_PYTHON").map_or(cached, PathBuf::from);
    let answer = Command::new(&python).args(["-c", "import onnx"]).output();
    if answer.is_ok_and(|answer| answer.status.success()) {
        return Some(python);
    }
    skipped(format_args!("`{}` cannot import onnx", python.display()));
    None
}
