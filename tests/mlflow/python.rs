//! MLflow's Python client.

use std::path::{Path, PathBuf};
use std::process::Command;

use pet_tests::{root, skipped};
use serde_json::Value;

/// A Python with MLflow.
pub(crate) fn find() -> Option<PathBuf> {
    let cached = root().join(".cache/mlflow-env/bin/python");
    let python = std::env::var_os("PET_MLFLOW_PYTHON").map_or(cached, PathBuf::from);
    if python.is_file() {
        return Some(python);
    }
    skipped(format_args!("no Python with MLflow at `{}`", python.display()));
    None
}

/// Python with an environment in which MLflow makes no requests to other hosts and starts no unneeded processes.
pub(crate) fn command(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(folder)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env("DO_NOT_TRACK", "true")
        .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        .env_remove("MLFLOW_TRACKING_URI");
    command
}

/// Runs a script of this folder, and returns the JSON in the last line of its output.
pub(crate) fn run(
    python: &Path,
    folder: &Path,
    script: &str,
    uri: &str,
    files: &[PathBuf],
) -> Value {
    let output = command(python, folder)
        .arg(root().join("tests/mlflow").join(script))
        .arg(uri)
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {uri}\n{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"))
}
