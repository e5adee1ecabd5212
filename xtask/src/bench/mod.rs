//! `cargo xtask bench`: measurements by bench/bench.py, with wrk.

use std::ffi::OsString;
use std::path::absolute;

use clap::Args;

use crate::ci::python;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::{self, Profile};

/// The service in Python to compare with.
const PEER: &str = "../shared/bench/peers/app_fastapi.py";

/// Measure how fast the program is
///
/// serve: the service under load, compared with one in Python. Sends photographs with wrk, first over 8 connections, then
/// over one, to each in turn: the service with the model that it serves by default, the same in fp32, and one in Python,
/// `FastAPI` with the fp32 model at 224 pixels (says so where that one cannot be run). Writes a table to
/// target/bench/serve.md. Options: --rounds, --seconds of load in each, --photographs, --results, --peer FILE.
///
/// soak: the service under mixed load, with everything on. Sends photos, broken uploads and other requests with wrk to a
/// service that has a shadow, a canary, corrections and traces, and in turn to one without them. Writes a table of memory,
/// open files, statuses and latencies to target/bench/soak.md, and fails on a status that was not expected. Only on Linux.
/// Options: --seconds of load for each, --connections, --photographs, --results.
///
/// tracking: five epochs on the generated sample with cached features, alternating between an MLflow server and no server.
/// That takes a second or less, so the cost of tracking is visible. "Without tracking" is the time of a run with the local
/// database minus the time that the program reports having spent on tracking. Needs the Python environment with MLflow,
/// which `cargo xtask ci` creates. Options: --rounds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench serve                         the service compared with one in Python, under load
  cargo xtask bench soak --seconds 600            the service under mixed load, with and without its extras
  cargo xtask bench tracking                      a short training with and without an MLflow server")]
pub(crate) struct Arguments {
    /// What to measure
    #[arg(value_parser = ["serve", "soak", "tracking"])]
    what: String,
    /// How to measure it, as above
    #[arg(value_name = "OPTIONS", trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<OsString>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let python = match arguments.what.as_str() {
        "tracking" => python::MLFLOW.usable().ok_or_else(|| {
            Error::usage("there is no Python with MLflow; `cargo xtask ci mlflow-env` creates one")
        })?,
        _ => "python3".into(),
    };
    let mut bench = Invocation::new(python)
        .argument(workspace::root().join("xtask/src/bench/bench.py"))
        .arguments([arguments.what.as_str(), "--program"])
        .argument(workspace::program(Profile::Release))
        .argument("--cache")
        .argument(absolute(workspace::cache())?);
    if arguments.what == "serve" {
        let peer = workspace::root().join(PEER);
        if peer.is_file() {
            python::BENCH.create()?;
        }
        bench = bench.argument("--peer").argument(peer);
        if let Some(python) = python::BENCH.usable() {
            bench = bench.argument("--python").argument(python);
        }
    }
    pet_cli::set_up(Profile::Release)?;
    // Paths in the options are relative to the current folder.
    bench.arguments(&arguments.options).folder(std::env::current_dir()?).run()
}
