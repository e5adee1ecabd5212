//! Progress bars on the terminal.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use pet_progress::{Progress, Unit};

use crate::output;

/// Shows tasks as bars with rate and remaining time; silent when standard error is not a terminal or when asked to be.
pub(crate) struct Bars {
    quiet: bool,
    current: Mutex<ProgressBar>,
}

impl Bars {
    pub(crate) fn new(quiet: bool) -> Self {
        Self {
            quiet,
            current: Mutex::new(ProgressBar::hidden()),
        }
    }

    fn bar(&self) -> ProgressBar {
        self.current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Three digits are enough; indicatif's own rate has four behind the point.
fn rate(state: &ProgressState, text: &mut dyn Write) {
    let per_second = state.per_sec();
    let digits = usize::from(per_second < 100.0);
    // A line that cannot be drawn is drawn again.
    let _ = write!(text, "{per_second:.digits$}/s");
}

impl Progress for Bars {
    fn start(&self, task: &str, total: u64, unit: Unit) {
        if self.quiet {
            return;
        }
        let figures = match unit {
            Unit::Bytes => "{bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            Unit::Images => "{pos} of {len} images, {rate}, {eta} left",
            Unit::Steps => "{pos} of {len}, {eta} left",
        };
        let template = format!("{{prefix:>16}} [{{bar:30}}] {figures}");
        // A template that indicatif refuses would only cost the figures.
        let style = ProgressStyle::with_template(&template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .with_key("rate", rate)
            .progress_chars("=> ");
        let bar = ProgressBar::new(total)
            .with_prefix(task.to_owned())
            .with_style(style);
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
            self.bar().suspend(|| output::note(text));
        }
    }
}
