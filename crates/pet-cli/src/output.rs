//! The terminal: printing, which no other module does, progress bars, and Ctrl-C.

use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use pet_data::{Progress, Unit};
use serde::Serialize;

use crate::failure::Failure;
use crate::hint::causes;

/// Prints a line of the result.
pub(crate) fn line(text: impl Display) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{text}").map_err(Failure::Output)
}

/// Prints the result as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value)?)
}

/// Prints a note to standard error.
pub(crate) fn note(text: impl Display) {
    // A note that cannot be printed is not a reason to stop.
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints an error with its causes and hint.
pub(crate) fn describe(failure: &Failure) {
    note(format_args!("error: {}", causes(failure).join("\n  caused by: ")));
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

/// Makes Ctrl-C interrupt the work instead of ending the program.
#[cfg(feature = "training")]
pub(crate) fn on_ctrl_c() -> Result<pet_train::Interrupt, Failure> {
    let interrupt = pet_train::Interrupt::default();
    let handler = interrupt.clone();
    ctrlc::set_handler(move || handler.set()).map_err(Failure::Signal)?;
    Ok(interrupt)
}

/// Shows tasks as bars with rate and remaining time, unless it is quiet or standard error is not a terminal.
pub(crate) struct Bars {
    quiet: bool,
    current: Mutex<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, current: Mutex::new(ProgressBar::hidden()) }
    }

    fn bar(&self) -> ProgressBar {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Progress for Bars {
    fn start(&self, task: &str, total: u64, unit: Unit) {
        if self.quiet {
            return;
        }
        let numbers = match unit {
            Unit::Bytes => "{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            Unit::Images => "{pos} of {len} images, {rate}, {eta} left",
            Unit::Steps => "{pos} of {len}, {eta} left",
        };
        let template = format!("{{prefix:>16}} [{{bar:30}}] {numbers}");
        // An invalid template would only lose the numbers.
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", rate)
            .progress_chars("=> ");
        let bar = ProgressBar::new(total).with_prefix(task.to_owned()).with_style(style);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    fn advance(&self, amount: u64) {
        self.bar().inc(amount);
    }

    fn finish(&self) {
        self.bar().finish_and_clear();
    }

    fn message(&self, text: &str) {
        if !self.quiet {
            self.bar().suspend(|| note(text));
        }
    }
}

/// Formats the rate with three digits; indicatif's own has four decimal places.
fn rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    let per_second = state.per_sec();
    let digits = usize::from(per_second < 100.0);
    // Bars are redrawn anyway.
    let _ = write!(text, "{per_second:.digits$}/s");
}

#[cfg(feature = "training")]
impl pet_pipeline::RunObserver for Bars {
    fn warning(&self, warning: &pet_pipeline::Warning<'_>) {
        use pet_pipeline::Warning;
        // Nothing failed; this warning is about the data.
        if self.quiet && matches!(warning, Warning::Leak(_)) {
            return;
        }
        let later = match warning {
            Warning::Unsent { .. } => "\n  send it later with `pet-cli runs sync`",
            Warning::Leak(_) => {
                "\n  `pet-cli data check` lists them, `--group-duplicates` keeps them on one side"
            }
            Warning::Excluded(_) => "\n  `pet-cli data check` with the same folders lists them",
            _ => "",
        };
        note(format_args!("warning: {warning}{later}"));
    }
}
