//! Interfaces for other programs: the Open Inference Protocol, the metrics, the documentation.
//!
//! Some tests run these programs: Triton's client and Prometheus' parser in the Python of `PET_PYTHON`, schemathesis in that
//! of `PET_SCHEMATHESIS_PYTHON`; `cargo xtask ci` creates both environments. Without them these tests are skipped.

mod documentation;
pub(crate) mod inference;
mod metrics;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use pet_tests::{root, skipped};

/// The Python in the environment variable, by default that of an environment in `.cache`; if it cannot import the module,
/// the test is skipped.
pub(crate) fn python(variable: &str, folder: &str, module: &str) -> Option<PathBuf> {
    let cached = root().join(".cache").join(folder).join("bin/python");
    let python = std::env::var_os(variable).map_or(cached, PathBuf::from);
    let import = format!("import {module}");
    let response = Command::new(&python).args(["-c", &import]).output();
    if response.is_ok_and(|response| response.status.success()) {
        return Some(python);
    }
    skipped(format_args!("`{}` cannot import {module}", python.display()));
    None
}

/// The path of a script among these tests.
pub(crate) fn script(name: &str) -> PathBuf {
    root().join("tests/api").join(name)
}

/// Runs a command with this input, and returns its output. It must succeed.
#[track_caller]
pub(crate) fn output(command: &mut Command, input: &str) -> String {
    let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
    stdout
}
