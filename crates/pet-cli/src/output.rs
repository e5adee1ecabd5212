//! Printing; no other module prints.

use std::error::Error;
use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::Failure;

/// Prints a line of the result.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Failure::Output)
}

/// Prints the result as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value)?)
}

/// Quotes a word for a shell if necessary.
#[cfg(feature = "training")]
pub(crate) fn quoted(name: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "_-./:=,@+%".contains(letter);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', "'\\''"))
    }
}

/// Prints a note to standard error.
pub(crate) fn note(text: impl Display) {
    // A note that cannot be printed is not a reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// The messages of an error and its causes, without repetitions.
pub(crate) fn explain(failure: &Failure) -> Vec<String> {
    let mut texts = vec![failure.to_string()];
    let mut previous = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Some wrappers include their cause.
        if !previous.contains(&text) {
            texts.push(text.clone());
        }
        previous = text;
        cause = error.source();
    }
    texts
}

/// Prints an error with its causes and hint.
pub(crate) fn describe(failure: &Failure) {
    let causes = explain(failure).join("\n  caused by: ");
    note(format_args!("error: {causes}"));
    if let Some(hint) = failure.hint() {
        note(format_args!("hint: {hint}"));
    }
}

/// Prints an error and returns the exit status.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    describe(failure);
    ExitCode::FAILURE
}
