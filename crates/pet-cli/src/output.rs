//! The only place that prints.

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

/// Prints a note for people, apart from the result.
pub(crate) fn note(text: impl Display) {
    // A note that cannot be shown is no reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// An error and its causes, in words.
pub(crate) fn explain(failure: &Failure) -> Vec<String> {
    let mut texts = vec![failure.to_string()];
    let mut said = failure.to_string();
    let mut cause = failure.source();
    while let Some(error) = cause {
        let text = error.to_string();
        // Wrappers that show their cause as their own text would say it twice.
        if !said.contains(&text) {
            texts.push(text.clone());
        }
        said = text;
        cause = error.source();
    }
    texts
}

/// Prints an error with its causes and a hint.
pub(crate) fn describe(failure: &Failure) {
    let causes = explain(failure).join("\n  caused by: ");
    note(format_args!("error: {causes}"));
    if let Some(hint) = failure.hint() {
        note(format_args!("hint: {hint}"));
    }
}

/// Prints an error and gives the exit status for it.
pub(crate) fn report(failure: &Failure) -> ExitCode {
    if failure.is_closed_pipe() {
        return ExitCode::SUCCESS;
    }
    describe(failure);
    ExitCode::FAILURE
}
