//! The table of figures.

use std::fmt::Write as _;
use std::time::Duration;

use super::contender::Running;
use super::http;
use super::load::{Load, Outcome};
use crate::error::Error;

/// Connections of the heavier load.
const MANY: u32 = 8;

/// What was measured of one service.
pub(super) struct Measured {
    name: &'static str,
    many: Vec<Outcome>,
    one: Vec<Outcome>,
    /// Megabytes after each load over many connections.
    resident: Vec<f64>,
    /// Seconds of work on one photograph, while only one was worked on.
    work: Vec<f64>,
}

impl Measured {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            many: Vec::new(),
            one: Vec::new(),
            resident: Vec::new(),
            work: Vec::new(),
        }
    }

    /// Measures once more.
    pub(super) fn add(&mut self, load: &Load, running: &Running) -> Result<(), Error> {
        self.many.push(load.run(running.port, MANY)?);
        self.resident.push(running.process.resident());
        let before = work(&http::metrics(running.port));
        self.one.push(load.run(running.port, 1)?);
        let after = work(&http::metrics(running.port));
        if after.1 > before.1 {
            self.work.push((after.0 - before.0) / (after.1 - before.1));
        }
        Ok(())
    }

    fn rate(&self) -> f64 {
        median(self.many.iter().map(|outcome| outcome.rate))
    }

    fn row(&self) -> String {
        let refused: u64 = self
            .many
            .iter()
            .chain(&self.one)
            .map(|outcome| outcome.refused)
            .sum();
        format!(
            "| {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} | {refused} |",
            self.name,
            self.rate(),
            median(self.many.iter().map(|outcome| outcome.p50)),
            median(self.many.iter().map(|outcome| outcome.p99)),
            median(self.one.iter().map(|outcome| outcome.rate)),
            median(self.one.iter().map(|outcome| outcome.p50)),
            median(self.resident.iter().copied()),
        )
    }
}

/// Seconds of decoding, preprocessing and inference so far, and the number of photographs.
fn work(metrics: &str) -> (f64, f64) {
    let value = |series: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(series));
        line.and_then(|value| value.trim().parse::<f64>().ok())
            .unwrap_or_default()
    };
    let phases = ["decode", "preprocess", "inference"];
    let seconds = phases.map(|phase| value(&format!("pet_{phase}_duration_seconds_sum ")));
    (
        seconds.iter().sum(),
        value("pet_decode_duration_seconds_count "),
    )
}

/// The table of all, and the figures that were promised of the first.
pub(super) fn table(measured: &[Measured], starts: &[Duration]) -> String {
    let mut text = "| service | req/s, 8 connections | p50 ms | p99 ms | req/s, 1 connection | p50 ms | resident MB | refused |\n\
                    |---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for one in measured {
        let _ = writeln!(text, "{}", one.row());
    }
    text += "\n| measure | reach | got |\n|---|---|---|\n";
    for (what, reach, got) in promises(measured, starts) {
        let _ = writeln!(text, "| {what} | {reach} | {got} |");
    }
    text
}

fn promises(
    measured: &[Measured],
    starts: &[Duration],
) -> Vec<(&'static str, &'static str, String)> {
    let Some(ours) = measured.first() else {
        return Vec::new();
    };
    let one = |measured: &Measured| median(measured.one.iter().map(|outcome| outcome.p50));
    let mut rows = Vec::new();
    if let Some(peer) = measured.get(1) {
        let rates = format!("{:.2} ×", ours.rate() / peer.rate());
        rows.push(("req/s at 8 connections, against FastAPI", "≥ 1.6 ×", rates));
        let times = format!("{:.2} ×", one(ours) / one(peer));
        rows.push(("p50 at 1 connection, against FastAPI", "≤ 0.65 ×", times));
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let floor = cores as f64 / median(ours.work.iter().copied());
    let share = format!("{:.0} % of {floor:.0} req/s", 100.0 * ours.rate() / floor);
    rows.push(("share of the CPU floor", "≥ 85 %", share));
    let resident = ours.resident.iter().copied().fold(0.0, f64::max);
    rows.push(("resident memory", "≤ 160 MB", format!("{resident:.0} MB")));
    let start = median(starts.iter().map(Duration::as_secs_f64));
    rows.push(("start to first answer", "≤ 0.4 s", format!("{start:.2} s")));
    rows
}

/// The middle value; no number when there is none.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
        .get(values.len().saturating_sub(1) / 2)
        .copied()
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_is_read_from_the_metrics() {
        let metrics = "HTTP/1.1 200 OK\r\n\r\npet_decode_duration_seconds_sum 1.5\n\
                       pet_decode_duration_seconds_count 100\npet_preprocess_duration_seconds_sum 0.25\n\
                       pet_inference_duration_seconds_sum 0.25\n";
        assert_eq!(work(metrics), (2.0, 100.0));
        assert_eq!(work(""), (0.0, 0.0));
    }

    #[test]
    fn promises_are_held_against_the_peer() {
        let measured = |name, rate, p50| Measured {
            many: vec![Outcome {
                rate,
                ..Outcome::default()
            }],
            one: vec![Outcome {
                p50,
                ..Outcome::default()
            }],
            resident: vec![100.0],
            work: vec![0.005],
            ..Measured::new(name)
        };
        let both = [
            measured("ours", 300.0, 6.0),
            measured("FastAPI", 150.0, 10.0),
        ];
        let text = table(&both, &[Duration::from_millis(300)]);
        for row in [
            "| ≥ 1.6 × | 2.00 × |",
            "| ≤ 0.65 × | 0.60 × |",
            "| ≤ 0.4 s | 0.30 s |",
        ] {
            assert!(text.contains(row), "{text}");
        }
        assert!(!table(&both[..1], &[]).contains("against FastAPI"));
    }
}
