//! Load, made by wrk.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::Error;
use crate::workspace;

const SCRIPT: &str = include_str!("post.lua");

/// Photographs that are posted for some time.
pub(super) struct Load {
    script: PathBuf,
    photographs: PathBuf,
    duration: Duration,
}

/// What a load met with.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    /// Answers in a second.
    pub(super) rate: f64,
    /// Half of the answers took no longer, in milliseconds.
    pub(super) p50: f64,
    /// All but one in a hundred took no longer, in milliseconds.
    pub(super) p99: f64,
    /// Answers with another status than 2xx or 3xx.
    pub(super) refused: u64,
}

impl Load {
    pub(super) fn new(photographs: &Path, duration: Duration) -> Result<Self, Error> {
        let folder = workspace::root().join("target/bench");
        fs_err::create_dir_all(&folder)?;
        let script = folder.join("post.lua");
        fs_err::write(&script, SCRIPT)?;
        Ok(Self {
            script,
            photographs: photographs.to_owned(),
            duration,
        })
    }

    /// Puts the load on a port, over so many connections.
    pub(super) fn run(&self, port: u16, connections: u32) -> Result<Outcome, Error> {
        let seconds = self.duration.as_secs();
        let output = Command::new("wrk")
            .args(["-t1", "--latency"])
            .args([format!("-c{connections}"), format!("-d{seconds}s")])
            .arg("-s")
            .arg(&self.script)
            .arg(format!("http://127.0.0.1:{port}/predict"))
            .arg("--")
            .arg(&self.photographs)
            .output()
            .map_err(|source| Error::Start {
                program: "wrk".into(),
                source,
            })?;
        if !output.status.success() {
            let command = "wrk".into();
            let status = output.status;
            return Err(Error::Exit { command, status });
        }
        Ok(Outcome::read(&String::from_utf8_lossy(&output.stdout)))
    }
}

impl Outcome {
    /// Reads wrk's report.
    fn read(report: &str) -> Self {
        let after = |label: &str| {
            let line = report
                .lines()
                .find_map(|line| line.trim().strip_prefix(label));
            line.map(str::trim).unwrap_or_default().to_owned()
        };
        Self {
            rate: after("Requests/sec:").parse().unwrap_or_default(),
            p50: milliseconds(&after("50%")),
            p99: milliseconds(&after("99%")),
            refused: after("Non-2xx or 3xx responses:")
                .parse()
                .unwrap_or_default(),
        }
    }
}

/// A time as wrk writes it: `812.00us`, `42.10ms`, `1.20s`.
fn milliseconds(text: &str) -> f64 {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1000.0), ("m", 60_000.0)];
    let number = |(unit, factor): (&str, f64)| {
        let number: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some(number * factor)
    };
    units.into_iter().find_map(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let report = "Running 8s test\n  Latency Distribution\n     50%   42.10ms\n     75%   50.00ms\n     \
                      99%    1.20s\n  1464 requests in 8.00s\n  Non-2xx or 3xx responses: 7\nRequests/sec:    183.00\n";
        let outcome = Outcome {
            rate: 183.0,
            p50: 42.1,
            p99: 1200.0,
            refused: 7,
        };
        assert_eq!(Outcome::read(report), outcome);
        assert!((milliseconds("812.00us") - 0.812).abs() < 1e-9);
    }
}
