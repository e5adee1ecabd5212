//! `cargo xtask bench`, with hyperfine, wrk and bench/bench.py.

use std::path::{Path, PathBuf, absolute};

use clap::{Args, Subcommand, value_parser};

use crate::ci::python;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli;
use crate::workspace::{self, Profile, remove_folder};

const SCRIPT: &str = "xtask/src/bench/bench.py";

/// Measure how fast the programs are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench predict photo.jpg             the whole process, with the model in results/
  cargo xtask bench predict photo.jpg --runs 100
  cargo xtask bench serve                         the service compared with one in Python, under load
  cargo xtask bench soak --seconds 600            the service under mixed load, with and without its extras
  cargo xtask bench tracking                      a short training with and without an MLflow server")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// One prediction, from the start of the process to its end
    ///
    /// Measured by hyperfine.
    Predict {
        /// The photo
        image: PathBuf,
        /// Number of measured runs
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = value_parser!(u32).range(1..))]
        runs: u32,
        /// Folder of the model [default: results]
        #[arg(long, value_name = "DIR")]
        results: Option<PathBuf>,
    },
    Serve(Serve),
    Soak(Soak),
    /// Train for five epochs, alternating between an MLflow server and no server
    ///
    /// Trains on the generated sample with cached features, which takes a second or less, so the cost of tracking is
    /// visible. "Without tracking" is the time of a run with the local database minus the time that the program reports
    /// having spent on tracking. Needs the Python environment with MLflow, which `cargo xtask ci` creates.
    Tracking {
        /// How often to measure each
        #[arg(long, value_name = "COUNT", default_value_t = 7, value_parser = value_parser!(u32).range(1..))]
        rounds: u32,
    },
}

/// The service under load, compared with one in Python
///
/// Sends photographs with wrk, first over 8 connections, then over one, to each in turn: the service with the model
/// that it serves by default, the same in fp32, and one in Python, `FastAPI` with the fp32 model. Says so where that
/// one cannot be run. Writes a table to target/bench/serve.md.
#[derive(Debug, Args)]
struct Serve {
    /// How often to measure each
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of load in each round, for each number of connections
    #[arg(long, value_name = "SECONDS", default_value_t = 8, value_parser = value_parser!(u64).range(1..))]
    seconds: u64,
    /// Folder of photos [default: originals in `PET_SHARED_DATA`]
    #[arg(long, value_name = "DIR")]
    photographs: Option<PathBuf>,
    /// The service in Python
    #[arg(long, value_name = "FILE", default_value = "../shared/bench/peers/app_fastapi.py")]
    peer: PathBuf,
    /// Folder of the model [default: results]
    #[arg(long, value_name = "DIR")]
    results: Option<PathBuf>,
}

/// The service under mixed load, with everything on
///
/// Sends photos, broken uploads and other requests with wrk to a service that has a shadow, a canary, corrections and
/// traces, and in turn to one without them. Writes a table of memory, open files, statuses and latencies to
/// target/bench/soak.md, and fails on a status that was not expected. Only on Linux.
#[derive(Debug, Args)]
struct Soak {
    /// Seconds of load for each
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(16..))]
    seconds: u64,
    /// Connections at a time
    #[arg(long, value_name = "COUNT", default_value_t = 200, value_parser = value_parser!(u32).range(1..))]
    connections: u32,
    /// Folder of photos [default: originals in `PET_SHARED_DATA`]
    #[arg(long, value_name = "DIR")]
    photographs: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.what {
        What::Predict { image, runs, results } => predict(image, *runs, results.as_deref()),
        What::Serve(arguments) => serve(arguments),
        What::Soak(arguments) => soak(arguments),
        What::Tracking { rounds } => tracking(*rounds),
    }
}

fn predict(image: &Path, runs: u32, results: Option<&Path>) -> Result<(), Error> {
    pet_cli::set_up(Profile::Release)?;
    let predict = pet_cli::invocation(Profile::Release, "predict")
        .argument(absolute(image)?)
        .argument("--results")
        .argument(model(results)?);
    Invocation::new("hyperfine")
        .arguments(["--shell=none", "--warmup=3", &format!("--runs={runs}")])
        .argument(predict.to_string())
        .run()
}

/// The given folder of photos, or else the originals.
fn photographs(named: Option<&Path>) -> Result<PathBuf, Error> {
    let shared = workspace::variable("PET_SHARED_DATA").unwrap_or_else(|| "../shared/data".into());
    let originals = workspace::root().join(shared).join("originals");
    Ok(absolute(named.unwrap_or(&originals))?)
}

fn serve(arguments: &Serve) -> Result<(), Error> {
    let peer = workspace::root().join(&arguments.peer);
    let mut bench = Invocation::new("python3")
        .arguments([SCRIPT, "serve"])
        .argument("--results")
        .argument(model(arguments.results.as_deref())?)
        .argument("--photographs")
        .argument(photographs(arguments.photographs.as_deref())?)
        .argument("--cache")
        .argument(absolute(workspace::cache())?)
        .arguments([format!("--rounds={}", arguments.rounds)])
        .arguments([format!("--seconds={}", arguments.seconds)])
        .arguments(["--output", "target/bench/serve.md"]);
    if peer.is_file() {
        python::BENCH.create()?;
    }
    match python::BENCH.usable().filter(|_| peer.is_file()) {
        Some(python) => {
            let peer = bench.argument("--peer").argument(absolute(peer)?);
            bench = peer.argument("--python").argument(python);
        }
        None => println!("absent: FastAPI: no `{}`, or no Python for it", peer.display()),
    }
    measure(bench)
}

fn soak(arguments: &Soak) -> Result<(), Error> {
    let folder = empty_folder("soak")?;
    let bench = Invocation::new("python3")
        .arguments([SCRIPT, "soak"])
        .argument("--results")
        .argument(model(None)?)
        .argument("--photographs")
        .argument(photographs(arguments.photographs.as_deref())?)
        .argument("--cache")
        .argument(absolute(workspace::cache())?)
        .argument("--folder")
        .argument(folder)
        .arguments([format!("--seconds={}", arguments.seconds)])
        .arguments([format!("--connections={}", arguments.connections)])
        .arguments(["--output", "target/bench/soak.md"]);
    measure(bench)
}

/// A new folder below target/bench.
fn empty_folder(name: &str) -> Result<PathBuf, Error> {
    let folder = workspace::root().join("target/bench").join(name);
    remove_folder(&folder)?;
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

fn tracking(rounds: u32) -> Result<(), Error> {
    let python = python::MLFLOW.usable().ok_or_else(|| {
        Error::usage("there is no Python with MLflow; `cargo xtask ci mlflow-env` creates one")
    })?;
    let folder = empty_folder("tracking")?;
    let bench = Invocation::new(python).arguments([SCRIPT, "tracking"]);
    let bench = bench.argument(format!("--rounds={rounds}"));
    measure(bench.argument("--folder").argument(folder))
}

/// Builds the program and runs the script on it.
fn measure(bench: Invocation) -> Result<(), Error> {
    pet_cli::set_up(Profile::Release)?;
    fs_err::create_dir_all(workspace::root().join("target/bench"))?;
    let program = workspace::program(Profile::Release, "pet-cli");
    bench.argument("--program").argument(program).run()
}

/// The model's folder, `results/` by default.
fn model(named: Option<&Path>) -> Result<PathBuf, Error> {
    let default = workspace::root().join("results");
    Ok(absolute(named.unwrap_or(&default))?)
}
