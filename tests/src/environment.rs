//! Where the tests run: paths, ONNX Runtime, Python.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_model::MODEL_FILE;
use pet_predict::{Runtime, SearchPaths};

/// The workspace's folder.
///
/// # Panics
///
/// When there is none above the package whose tests run.
pub fn root() -> PathBuf {
    // The environment at run time, since the clone may have been moved after the tests were compiled.
    let now = std::env::var_os("CARGO_MANIFEST_DIR");
    let package = now.map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    let mut above = package.ancestors();
    let root = above.find(|folder| folder.join("Cargo.lock").is_file());
    root.unwrap().to_owned()
}

/// The results folder under test: `PET_RESULTS`, by default the committed one.
///
/// # Panics
///
/// When it contains no model.
pub fn results() -> PathBuf {
    let folder = chosen_results();
    let model = folder.join(MODEL_FILE);
    assert!(
        model.is_file(),
        "no model `{}`; make one with `cargo xtask pipeline`",
        model.display()
    );
    folder
}

/// Whether the results under test are those of the repository, trained on the real photographs.
pub fn results_are_committed() -> bool {
    let committed = root().join("results");
    chosen_results() == committed || same_folder(&chosen_results(), &committed)
}

fn chosen_results() -> PathBuf {
    // Relative to the workspace; tests run in the folder of their package.
    let named = std::env::var_os("PET_RESULTS").filter(|path| !path.is_empty());
    root().join(named.map_or_else(|| PathBuf::from("results"), PathBuf::from))
}

fn same_folder(one: &Path, other: &Path) -> bool {
    let (one, other) = (fs_err::canonicalize(one), fs_err::canonicalize(other));
    matches!((one, other), (Ok(one), Ok(other)) if one == other)
}

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
