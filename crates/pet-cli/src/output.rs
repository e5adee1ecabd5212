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

/// Prints a table with columns as wide as they need to be. A column whose head begins with `>` is aligned to the right.
pub(crate) fn table(heads: &[&str], rows: &[Vec<String>]) -> Result<(), Failure> {
    let length = |text: &str| text.chars().count();
    let width = |column: usize, head: &str| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| length(cell)).max().unwrap_or(0);
        widest.max(length(head.trim_start_matches('>')))
    };
    let widths: Vec<usize> = (0..).zip(heads).map(|(at, head)| width(at, head)).collect();
    let print = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(heads).zip(&widths);
        let cells = cells.map(|((cell, head), width)| {
            if head.starts_with('>') {
                format!("{cell:>width$}")
            } else {
                format!("{cell:width$}")
            }
        });
        line(cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    print(&mut heads.iter().map(|head| head.trim_start_matches('>')))?;
    rows.iter()
        .try_for_each(|row| print(&mut row.iter().map(String::as_str)))
}

/// A number with four digits behind the point, or `-`. MLflow keeps infinity as the largest number.
pub(crate) fn number(value: Option<f64>) -> String {
    optional(value.map(|value| match value {
        _ if value.abs() >= f64::MAX => format!("{}", f64::INFINITY.copysign(value)),
        _ if value.abs() >= 1e9 => format!("{value:.4e}"),
        _ => format!("{value:.4}"),
    }))
}

/// A value, or `-`.
pub(crate) fn optional(value: Option<impl ToString>) -> String {
    value.map_or("-".into(), |value| value.to_string())
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

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn numbers_stay_short() {
        assert_eq!(number(None), "-");
        assert_eq!(number(Some(0.5)), "0.5000");
        assert_eq!(number(Some(-f64::MAX)), "-inf");
        assert_eq!(number(Some(f64::NAN)), "NaN");
        assert_eq!(number(Some(1.5e30)), "1.5000e30");
    }
}
