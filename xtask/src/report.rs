//! Runs steps until one fails, and prints a table of them.

use std::time::{Duration, Instant};

use crate::error::Error;
use crate::invocation::interrupted;

/// How a successful step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It did its work and produced this.
    Done(String),
    /// It could not run, or did not need to, for this reason.
    Skipped(String),
}

impl Outcome {
    pub(crate) fn done(output: impl Into<String>) -> Self {
        Self::Done(output.into())
    }

    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        Self::Skipped(reason.into())
    }
}

/// The results of the steps.
#[derive(Debug)]
pub(crate) struct Report {
    /// Name, outcome, duration and output of each step, after a heading.
    rows: Vec<[String; 4]>,
    total: Duration,
    failure: Option<Error>,
}

impl Report {
    /// `heading` is what a step is called.
    pub(crate) fn new(heading: &'static str) -> Self {
        Self {
            rows: vec![[heading, "outcome", "duration", "output"].map(str::to_owned)],
            total: Duration::ZERO,
            failure: None,
        }
    }

    /// Runs a step and records how it ended, unless an earlier one failed.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome, Error>) {
        if self.failure.is_some() {
            return self.push(name, "not run", None, String::new());
        }
        eprintln!("\n── {name} {}", "─".repeat(60_usize.saturating_sub(name.len())));
        let start = Instant::now();
        let result = if interrupted() { Err(Error::Interrupted) } else { work() };
        self.record(name, start.elapsed(), result);
    }

    /// Records how a step ended.
    pub(crate) fn record(
        &mut self,
        name: &str,
        duration: Duration,
        result: Result<Outcome, Error>,
    ) {
        match result {
            Ok(Outcome::Done(output)) => {
                eprintln!("{name}: done in {}", seconds(duration));
                self.push(name, "done", Some(duration), output);
            }
            Ok(Outcome::Skipped(reason)) => {
                eprintln!("{name}: skipped: {reason}");
                self.skip(name, &reason);
            }
            Err(Error::Interrupted) => {
                self.push(name, "interrupted", Some(duration), String::new());
                self.failure.get_or_insert(Error::Interrupted);
            }
            Err(error) => {
                self.push(name, "failed", Some(duration), String::new());
                let (name, source) = (name.to_owned(), Box::new(error));
                self.failure.get_or_insert(Error::Step { name, source });
            }
        }
    }

    /// Records a skipped step.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        self.push(name, &format!("skipped: {reason}"), None, String::new());
    }

    /// Prints the table, and returns the error of the failed step.
    pub(crate) fn finish(self) -> Result<(), Error> {
        print!("\n{}", self.table());
        self.failure.map_or(Ok(()), Err)
    }

    fn push(&mut self, name: &str, outcome: &str, duration: Option<Duration>, output: String) {
        self.total += duration.unwrap_or_default();
        let duration = duration.map_or_else(|| "-".to_owned(), seconds);
        self.rows.push([name.to_owned(), outcome.to_owned(), duration, output]);
    }

    fn table(&self) -> String {
        let total = ["total", "", &seconds(self.total), ""].map(str::to_owned);
        let rows = || self.rows.iter().chain([&total]);
        let width = |column: usize| rows().map(|row| row[column].chars().count()).max();
        let [name, outcome, duration] = [0, 1, 2].map(|column| width(column).unwrap_or(0));
        let line = |[first, second, third, fourth]: &[String; 4]| {
            let line = format!("{first:name$}  {second:outcome$}  {third:>duration$}  {fourth}");
            line.trim_end().to_owned() + "\n"
        };
        rows().map(line).collect()
    }
}

/// Formats as `4.2 s`, or as `3 min 05 s` from a minute on.
fn seconds(duration: Duration) -> String {
    let tenths = (duration.as_secs_f64() * 10.0).round() as u64;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let whole = (tenths + 5) / 10;
    format!("{} min {:02} s", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_rounded() {
        let of = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(of(0), "0.0 s");
        assert_eq!(of(4249), "4.2 s");
        assert_eq!(of(59_940), "59.9 s");
        assert_eq!(of(59_960), "1 min 00 s");
        assert_eq!(of(185_000), "3 min 05 s");
    }

    #[test]
    fn the_table_is_aligned() {
        let mut report = Report::new("stage");
        report.push("train", "done", Some(Duration::from_secs(75)), "mlruns".into());
        report.push("docker", "skipped: no engine", None, String::new());
        report.push("größe", "failed", Some(Duration::from_millis(1500)), String::new());
        assert_eq!(
            report.table(),
            "\
stage   outcome               duration  output
train   done                1 min 15 s  mlruns
docker  skipped: no engine           -
größe   failed                   1.5 s
total                       1 min 17 s
"
        );
    }

    #[test]
    fn steps_after_a_failure_do_not_run() {
        let mut report = Report::new("step");
        let mut ran = 0;
        report.step("one", || Ok(Outcome::done("file")));
        report.step("two", || Ok(Outcome::skipped("no need")));
        report.step("three", || Err(Error::usage("bad")));
        report.step("four", || {
            ran += 1;
            Ok(Outcome::done(""))
        });
        let outcomes: Vec<_> = report.rows[1..].iter().map(|row| &row[1]).collect();
        assert_eq!(outcomes, ["done", "skipped: no need", "failed", "not run"]);
        assert_eq!(ran, 0);
        let error = report.finish().unwrap_err();
        assert_eq!(error.to_string(), "`three` failed");
        assert_eq!(error.exit_status(), 2);
    }
}
