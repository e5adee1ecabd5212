//! Progress bars on the terminal.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

const IMAGES: &str = "{pos} of {len} images, {rate}, {eta} left";

/// Shows tasks as bars with rate and remaining time, unless it is quiet or standard error is not a terminal.
pub(crate) struct Bars {
    quiet: bool,
    current: Mutex<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(quiet: bool) -> Self {
        Self { quiet, current: Mutex::new(ProgressBar::hidden()) }
    }

    pub(crate) fn start_images(&self, task: &str, total: usize) {
        self.begin(task, total as u64, IMAGES);
    }

    pub(crate) fn advance(&self, amount: u64) {
        self.bar().inc(amount);
    }

    pub(crate) fn finish(&self) {
        self.bar().finish_and_clear();
    }

    fn begin(&self, task: &str, total: u64, numbers: &str) {
        if self.quiet {
            return;
        }
        let template = format!("{{prefix:>16}} [{{bar:30}}] {numbers}");
        // An invalid template would only lose the numbers.
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", rate)
            .progress_chars("=> ");
        let bar = ProgressBar::new(total).with_prefix(task.to_owned()).with_style(style);
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = bar;
    }

    fn bar(&self) -> ProgressBar {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Formats the rate with three digits; indicatif's own has four decimal places.
fn rate(state: &ProgressState, text: &mut dyn Write) {
    let per_second = state.per_sec();
    let digits = usize::from(per_second < 100.0);
    // Bars are redrawn anyway.
    let _ = write!(text, "{per_second:.digits$}/s");
}

#[cfg(feature = "training")]
impl pet_data::Progress for Bars {
    fn start(&self, task: &str, total: u64, unit: pet_data::Unit) {
        let numbers = match unit {
            pet_data::Unit::Bytes => "{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            pet_data::Unit::Images => IMAGES,
            pet_data::Unit::Steps => "{pos} of {len}, {eta} left",
        };
        self.begin(task, total, numbers);
    }

    fn advance(&self, amount: u64) {
        Self::advance(self, amount);
    }

    fn finish(&self) {
        Self::finish(self);
    }

    fn message(&self, text: &str) {
        if !self.quiet {
            self.bar().suspend(|| crate::output::note(text));
        }
    }
}

#[cfg(feature = "training")]
impl pet_pipeline::RunObserver for Bars {
    fn warning(&self, warning: &pet_pipeline::Warning<'_>) {
        // Nothing failed; this warning is about the data.
        if self.quiet && matches!(warning, pet_pipeline::Warning::Leak(_)) {
            return;
        }
        let later = match warning {
            pet_pipeline::Warning::Unsent { .. } => "\n  send it later with `pet-cli runs sync`",
            pet_pipeline::Warning::Leak(_) => {
                "\n  `pet-cli data check` lists them, `--group-duplicates` keeps them on one side"
            }
            pet_pipeline::Warning::Excluded(_) => {
                "\n  `pet-cli data check` with the same folders lists them"
            }
            _ => "",
        };
        crate::output::note(format_args!("warning: {warning}{later}"));
    }
}
