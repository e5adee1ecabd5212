//! `cargo xtask bench tracking`

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, value_parser};

use super::process::Process;
use crate::ci::python::{ENVIRONMENTS, Environment};
use crate::error::Error;
use crate::pet_cli;
use crate::workspace::{self, Profile};

/// Training for five epochs with an MLflow server, in turn with the same without one
///
/// The training is on the generated sample, whose features are cached: a second or less, so that nothing hides what
/// tracking costs. "Without tracking" is what a run with the local database takes, less the time that the program says
/// it spent on tracking. Needs the Python environment with MLflow, which `cargo xtask ci` makes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// How often each is measured
    #[arg(long, value_name = "COUNT", default_value_t = 7, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
}

/// How long the server may take to start.
const PATIENCE: Duration = Duration::from_mins(2);

/// Seconds of one training.
struct Training {
    whole: f64,
    tracking: f64,
}

pub(super) fn run(arguments: &Arguments) -> Result<(), Error> {
    let mlflow = ENVIRONMENTS
        .iter()
        .find(|environment| environment.folder == "mlflow-env");
    let python = mlflow.and_then(Environment::usable);
    let python = python.ok_or_else(|| Error::Usage {
        message: "there is no Python with MLflow; `cargo xtask ci` makes one".into(),
    })?;
    pet_cli::set_up(Profile::Release)?;
    let folder = workspace::root().join("target/bench/tracking");
    if folder.exists() {
        fs_err::remove_dir_all(&folder)?;
    }
    fs_err::create_dir_all(&folder)?;
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let _server = start(python.as_ref(), &folder, port)?;
    let stores = [
        format!("http://127.0.0.1:{port}"),
        format!("sqlite:///{}", folder.join("mlflow.db").display()),
    ];
    // The first one of each computes features, makes tables and warms the server up.
    for store in &stores {
        train(store)?;
    }
    let mut measured = Vec::new();
    for _ in 0..arguments.rounds {
        let [server, local] = [train(&stores[0])?, train(&stores[1])?];
        let without = local.whole - local.tracking;
        println!(
            "with a server {:.3} s, local {:.3} s, without tracking {without:.3} s",
            server.whole, local.whole
        );
        measured.push([server.whole, local.whole, without, server.whole - without]);
    }
    println!("{}", summary(&measured));
    Ok(())
}

/// MLflow's server with a SQLite database, once it answers.
fn start(python: &Path, folder: &Path, port: u16) -> Result<Process, Error> {
    let server = Process::start(
        Command::new(python)
            .args([
                "-m",
                "mlflow",
                "server",
                "--workers",
                "1",
                "--host",
                "127.0.0.1",
            ])
            .args(["--backend-store-uri", "sqlite:///server.db", "--port"])
            .arg(port.to_string())
            .current_dir(folder)
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("DO_NOT_TRACK", "true")
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    )?;
    let start = Instant::now();
    while !is_healthy(port) {
        if start.elapsed() > PATIENCE {
            let message = format!("MLflow's server does not answer at port {port}");
            return Err(Error::Usage { message });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(server)
}

fn is_healthy(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request = "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

fn train(store: &str) -> Result<Training, Error> {
    let line = "train --dataset sample --epochs 5 --json --tracking-uri";
    let command = pet_cli::invocation(Profile::Release, line).argument(store);
    let start = Instant::now();
    let printed = command.output()?;
    let whole = start.elapsed().as_secs_f64();
    let said: serde_json::Value = serde_json::from_str(&printed).unwrap_or_default();
    let tracking = said[0]["tracking_seconds"].as_f64();
    let tracking = tracking.ok_or_else(|| Error::Usage {
        message: format!("`{command}` did not say how long tracking took"),
    })?;
    Ok(Training { whole, tracking })
}

/// The middle of each column.
fn summary(measured: &[[f64; 4]]) -> String {
    let median = |column: usize| {
        let mut values: Vec<f64> = measured.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        let middle = values.get(values.len().saturating_sub(1) / 2);
        middle.copied().unwrap_or(f64::NAN)
    };
    format!(
        "\n| 5 epochs on the sample | median of {} |\n|---|---:|\n\
         | with a server | {:.3} s |\n| with the local database | {:.3} s |\n\
         | without tracking | {:.3} s |\n| what the server costs (reach: 0.5 s) | {:.3} s |",
        measured.len(),
        median(0),
        median(1),
        median(2),
        median(3)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_of_each_column() {
        let rows = [
            [3.0, 1.0, 0.5, 2.5],
            [1.0, 1.0, 0.5, 0.5],
            [2.0, 1.0, 0.5, 1.5],
        ];
        let text = summary(&rows);
        assert!(text.contains("with a server | 2.000 s"), "{text}");
        assert!(text.contains("(reach: 0.5 s) | 1.500 s"), "{text}");
    }
}
