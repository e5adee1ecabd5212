//! `cargo xtask fuzz`: the targets of `fuzz/`, each with libFuzzer.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::{Outcome, Report};
use crate::{release, workspace};

/// A target, and folders with seed inputs, separated by spaces.
type Target = (&'static str, &'static str);

const TARGETS: [Target; 10] = [
    (
        "image",
        "crates/pet-image/tests/golden/files crates/pet-image/tests/golden/grid crates/pet-image/tests/golden/tiff",
    ),
    ("checkpoint", "crates/torch-state-dict/tests/fixtures"),
    ("safetensors", ""),
    ("onnx", ""),
    ("model", ""),
    ("annotations", ""),
    ("form", ""),
    ("protocol", ""),
    ("grpc", ""),
    ("mlflow", ""),
];

/// Coverage instrumentation for libFuzzer, as `cargo fuzz` sets it.
const COVERAGE: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// How long to run each target by default, in seconds.
const SECONDS: u32 = 60;

/// Stack size in kilobytes, an eighth of that of the service's workers.
const STACK: u32 = 1024;

/// Seconds per input, and the maximum size of an input in bytes.
const LIMITS: [&str; 2] = ["-timeout=10", "-max_len=65536"];

/// Runs a target with a small stack, and its name before each line that it prints.
const SCRIPT: &str =
    r#"ulimit -s "$1" && shift && set -o pipefail && "$@" 2>&1 | sed -u "s/^/${1##*/}: /""#;

/// Feed mutated input to every parser of untrusted data
///
/// Builds the targets in fuzz/ and runs each for some time, as many at once as there are cores; fuzz/README.md explains
/// what to do with a finding. Targets of the service need ONNX Runtime, which `cargo xtask setup` downloads. Needs a C++
/// compiler.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask fuzz                      each target for a minute
  cargo xtask fuzz --seconds 3600 image")]
pub(crate) struct Arguments {
    /// Targets, in any order [default: all]
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(TARGETS.map(|(name, _)| name)))]
    targets: Vec<String>,
    /// How long to run each
    #[arg(long, value_name = "SECONDS", default_value_t = SECONDS)]
    seconds: u32,
    /// Seed of the mutations; 0 for a different one each time
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u32,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(reason) = obstacle() {
        return Err(Error::usage(reason));
    }
    let programs = build()?;
    let named = |(name, _): &Target| {
        arguments.targets.is_empty() || arguments.targets.iter().any(|target| target == name)
    };
    let targets: Vec<Target> = TARGETS.into_iter().filter(named).collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let report = Mutex::new(Report::new("target"));
    // Each target takes the same time, so those of a batch end together.
    for batch in targets.chunks(cores) {
        thread::scope(|scope| {
            for target in batch {
                scope.spawn(|| {
                    let start = Instant::now();
                    let result = fuzz(&programs, target, arguments);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    report.record(target.0, start.elapsed(), result);
                });
            }
        });
    }
    report.into_inner().unwrap_or_else(PoisonError::into_inner).finish()
}

/// The step of `cargo xtask ci`. Its seed is fixed, so that a change does not fail because of an old bug.
pub(crate) fn briefly() -> Result<Outcome, Error> {
    if let Some(reason) = obstacle() {
        return Ok(Outcome::skipped(reason));
    }
    run(&Arguments { targets: Vec::new(), seconds: SECONDS, seed: 1 })?;
    Ok(Outcome::done(format!("{} targets", TARGETS.len())))
}

/// Why the targets cannot be built on this machine.
fn obstacle() -> Option<&'static str> {
    if !cfg!(target_os = "linux") {
        return Some("fuzz/ is only built for Linux");
    }
    let compiler = Invocation::line("c++ --version").succeeds();
    (!compiler).then_some("no C++ compiler to build libFuzzer with")
}

/// Builds the targets with the workspace's versions of the dependencies; returns the folder of their programs.
fn build() -> Result<PathBuf, Error> {
    let root = workspace::root();
    fs_err::copy(root.join("Cargo.lock"), root.join("fuzz/Cargo.lock"))?;
    let (host, folder) = (release::host()?, workspace::target().join("fuzz"));
    Invocation::line("cargo build --release --manifest-path fuzz/Cargo.toml --target")
        .arguments([host.as_str(), "--target-dir"])
        .argument(&folder)
        .environment("RUSTFLAGS", COVERAGE)
        .run()?;
    Ok(folder.join(host).join("release"))
}

/// Runs a target. Findings go to fuzz/artifacts, inputs with new coverage to fuzz/corpus.
fn fuzz(programs: &Path, (name, seeds): &Target, arguments: &Arguments) -> Result<Outcome, Error> {
    let [corpus, artifacts] = ["corpus", "artifacts"].map(|folder| format!("fuzz/{folder}/{name}"));
    fs_err::create_dir_all(workspace::root().join(&artifacts))?;
    Invocation::new("bash")
        .arguments(["-c", SCRIPT, "fuzz", &STACK.to_string()])
        .argument(programs.join(name))
        .arguments(LIMITS)
        .argument(format!("-max_total_time={}", arguments.seconds))
        .argument(format!("-seed={}", arguments.seed))
        .argument(format!("-artifact_prefix={artifacts}/"))
        .arguments(["-verbosity=0", "-print_final_stats=1", &corpus])
        .words(seeds)
        .run()?;
    Ok(Outcome::done(corpus))
}
