//! Steps that follow each other: run until one fails, and shown as a table at the end.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::interrupt;

/// How a step ended, other than in failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The work is done; this is what it made.
    Done { output: String },
    /// There was nothing to do, or no way to do it.
    Skipped { reason: String },
}

impl Outcome {
    pub(crate) fn done(output: impl Into<String>) -> Self {
        let output = output.into();
        Self::Done { output }
    }

    pub(crate) fn skipped(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Skipped { reason }
    }
}

#[derive(Debug)]
struct Row {
    name: String,
    outcome: String,
    duration: Option<Duration>,
    output: String,
}

/// What became of each step.
#[derive(Debug)]
pub(crate) struct Report {
    heading: &'static str,
    rows: Vec<Row>,
    failure: Option<Error>,
}

impl Report {
    /// A report without steps; `heading` says what a step is called.
    pub(crate) fn new(heading: &'static str) -> Self {
        Self {
            heading,
            rows: Vec::new(),
            failure: None,
        }
    }

    /// Runs a step, unless an earlier one failed.
    pub(crate) fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Outcome, Error>) {
        if self.failure.is_some() {
            return self.push(name, "not run", None, String::new());
        }
        eprintln!(
            "\n── {name} {}",
            "─".repeat(60_usize.saturating_sub(name.len()))
        );
        let start = Instant::now();
        let result = if interrupt::requested() {
            Err(Error::Interrupted)
        } else {
            work()
        };
        let duration = start.elapsed();
        match result {
            Ok(Outcome::Done { output }) => {
                eprintln!("{name}: done in {}", seconds(duration));
                self.push(name, "done", Some(duration), output);
            }
            Ok(Outcome::Skipped { reason }) => {
                eprintln!("{name}: skipped: {reason}");
                self.skip(name, &reason);
            }
            Err(error) => {
                let (outcome, failure) = match error {
                    Error::Interrupted => ("interrupted", Error::Interrupted),
                    error => (
                        "failed",
                        Error::Step {
                            name: name.to_owned(),
                            source: Box::new(error),
                        },
                    ),
                };
                self.push(name, outcome, Some(duration), String::new());
                self.failure = Some(failure);
            }
        }
    }

    /// Notes a step that is left out.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        self.push(name, &format!("skipped: {reason}"), None, String::new());
    }

    /// Prints the table, and fails if a step failed.
    pub(crate) fn finish(self) -> Result<(), Error> {
        print!("\n{}", self.table());
        self.failure.map_or(Ok(()), Err)
    }

    fn push(&mut self, name: &str, outcome: &str, duration: Option<Duration>, output: String) {
        self.rows.push(Row {
            name: name.to_owned(),
            outcome: outcome.to_owned(),
            duration,
            output,
        });
    }

    fn table(&self) -> String {
        let total = self.rows.iter().filter_map(|row| row.duration).sum();
        let mut lines = vec![[self.heading, "outcome", "duration", "output"].map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        lines.push(["total", "", &seconds(total), ""].map(str::to_owned));

        let width = |column: usize| {
            let cells = lines.iter().map(|line| line[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let (name, outcome, duration) = (width(0), width(1), width(2));
        let mut table = String::new();
        for [first, second, third, fourth] in &lines {
            let line = format!("{first:name$}  {second:outcome$}  {third:>duration$}  {fourth}");
            // Writing to a string does not fail.
            let _ = writeln!(table, "{}", line.trim_end());
        }
        table
    }
}

impl Row {
    fn cells(&self) -> [String; 4] {
        [
            self.name.clone(),
            self.outcome.clone(),
            self.duration.map_or_else(|| "-".to_owned(), seconds),
            self.output.clone(),
        ]
    }
}

/// `4.2 s`, or `3 min 05 s` from a minute on.
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
    fn durations() {
        let of = |millis| seconds(Duration::from_millis(millis));
        assert_eq!(of(0), "0.0 s");
        assert_eq!(of(4249), "4.2 s");
        assert_eq!(of(59_940), "59.9 s");
        assert_eq!(of(59_960), "1 min 00 s");
        assert_eq!(of(185_000), "3 min 05 s");
    }

    #[test]
    fn a_table_of_all_outcomes() {
        let mut report = Report::new("stage");
        report.push(
            "train",
            "done",
            Some(Duration::from_secs(75)),
            "mlruns".into(),
        );
        report.push("docker", "skipped: no engine", None, String::new());
        report.push(
            "größe",
            "failed",
            Some(Duration::from_millis(1500)),
            String::new(),
        );
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
    fn nothing_runs_after_a_failure() {
        let mut report = Report::new("step");
        let mut ran = 0;
        report.step("one", || Ok(Outcome::done("file")));
        report.step("two", || Ok(Outcome::skipped("no need")));
        report.step("three", || {
            let message = "bad".to_owned();
            Err(Error::Usage { message })
        });
        report.step("four", || {
            ran += 1;
            Ok(Outcome::done(""))
        });
        let outcomes: Vec<_> = report.rows.iter().map(|row| row.outcome.as_str()).collect();
        assert_eq!(outcomes, ["done", "skipped: no need", "failed", "not run"]);
        assert_eq!(ran, 0);
        let error = report.finish().unwrap_err();
        assert_eq!(error.to_string(), "`three` failed");
        assert_eq!(error.exit_status(), 2);
    }
}
