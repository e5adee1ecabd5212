//! `cargo xtask ci`

mod containers;
mod delivery;
pub(crate) mod python;
mod tidy;

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::{Outcome, Report};
use crate::{pipeline, test};

/// Check everything, cheapest first
///
/// Format, our own rules, licences, workflows and manifests, lints, documentation, every test, the pipeline on the
/// generated sample, the image with the committed model, then the image beside MLflow and Prometheus. Stops at the
/// first failure. Makes Python environments under `.cache/` for the tests that compare with Python's libraries; these
/// tests are skipped where that cannot be done, and so is the check of licences without cargo-deny.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask ci")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<(), Error> {
    let mut report = Report::new("step");
    report.step("format", || passes("fmt --all --check"));
    report.step("tidy", tidy::run);
    report.step("deny", deny);
    report.step("delivery", delivery::run);
    report.step("lints", || {
        passes("clippy --workspace --all-targets --locked -- -D warnings")
    });
    report.step("serving", || {
        passes("clippy -p pet-cli --no-default-features --locked -- -D warnings")
    });
    report.step("docs", documentation);
    for environment in &python::ENVIRONMENTS {
        report.step(environment.folder, || environment.make());
    }
    report.step("test", || {
        test::run(&test::Arguments::default())?;
        Ok(Outcome::done(""))
    });
    report.step("pipeline", || {
        pipeline::run(&pipeline::Arguments::default())?;
        Ok(Outcome::done("target/pipeline/sample"))
    });
    report.step("image", containers::image);
    report.step("stack", containers::stack);
    report.finish()
}

/// Runs cargo with a line of arguments.
fn passes(line: &str) -> Result<Outcome, Error> {
    Invocation::cargo(line).run()?;
    Ok(Outcome::done(""))
}

fn deny() -> Result<Outcome, Error> {
    if !Invocation::cargo("deny --version").succeeds() {
        return Ok(Outcome::skipped("cargo-deny is not installed"));
    }
    passes("deny --locked check licenses bans sources")
}

fn documentation() -> Result<Outcome, Error> {
    Invocation::cargo("doc --workspace --no-deps --locked")
        .environment("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Outcome::done("target/doc"))
}
