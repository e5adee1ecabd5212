//! Programs in Python.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python that the variable names, else the one in the project's cache, if it can import the
/// module; without it the test `name` is skipped.
pub(super) fn python(name: &str, variable: &str, folder: &str, module: &str) -> Option<PathBuf> {
    let cached = root().join(".cache").join(folder).join("bin/python");
    let python = std::env::var_os(variable).map_or(cached, PathBuf::from);
    let import = format!("import {module}");
    let answer = Command::new(&python).args(["-c", &import]).output();
    if answer.is_ok_and(|answer| answer.status.success()) {
        return Some(python);
    }
    skipped(
        name,
        &format!("`{}` cannot import {module}", python.display()),
    );
    None
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn skipped(name: &str, reason: &str) {
    eprintln!("skipped: {name}: {reason}");
}

/// The workspace's folder.
pub(super) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where a script of this folder lies.
pub(super) fn script(name: &str) -> PathBuf {
    root().join("tests/api/protocol").join(name)
}

/// What a command prints when it is given this text; it must succeed.
#[track_caller]
pub(super) fn output(command: &mut Command, input: &str) -> String {
    let piped = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = piped.spawn().unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complained}");
    said
}
