//! `cargo xtask ci`

mod containers;
mod delivery;
pub(crate) mod python;
mod tidy;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::{Outcome, Report};
use crate::{fuzz, pipeline, release, test, walkthrough};

/// A step: its name, and its work.
type Step = (&'static str, fn() -> Result<Outcome, Error>);

/// Every step, cheapest first.
const STEPS: [Step; 19] = [
    ("format", || {
        passes("fmt --all --check")?;
        passes("fmt --manifest-path fuzz/Cargo.toml --check")
    }),
    ("tidy", tidy::run),
    ("deny", deny),
    ("advisories", advisories),
    ("delivery", delivery::run),
    ("lints", || {
        passes("clippy --workspace --all-targets --locked -- -D warnings")
    }),
    ("serving", || {
        passes("clippy -p pet-cli --no-default-features --locked -- -D warnings")
    }),
    ("docs", documentation),
    ("package", package),
    ("python-env", || python::ENVIRONMENTS[0].make()),
    ("schemathesis-env", || python::ENVIRONMENTS[1].make()),
    ("mlflow-env", || python::ENVIRONMENTS[2].make()),
    ("test", every_test),
    // The tests have fetched ONNX Runtime.
    ("fuzz", fuzz::briefly),
    ("pipeline", sample_pipeline),
    ("release", release::trial),
    ("image", containers::image),
    ("stack", containers::stack),
    ("walkthrough", walk),
];

/// Check everything, cheapest first
///
/// Format, our own rules, licences, workflows and manifests, lints, documentation, every test, mutated input, the pipeline on
/// the generated sample, the archive and the Python wheel of a release, the image with the committed model, the image beside
/// MLflow and Prometheus, then every command in the documents. Stops at the first failure. Makes Python environments under
/// `.cache/` for the tests that compare with Python's libraries; these tests are skipped where that cannot be done, and so
/// is the check of licences without cargo-deny.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask ci                   everything
  cargo xtask ci format lints      these steps only")]
pub(crate) struct Arguments {
    /// Steps, in whatever order they are named [default: all]
    #[arg(value_name = "STEP", value_parser = PossibleValuesParser::new(STEPS.map(|(name, _)| name)))]
    steps: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    let named = |name: &str| arguments.steps.iter().any(|step| step == name);
    let mut report = Report::new("step");
    for (name, work) in STEPS {
        if arguments.steps.is_empty() || named(name) {
            report.step(name, work);
        }
    }
    report.finish()
}

fn every_test() -> Result<Outcome, Error> {
    test::run(&test::Arguments::default())?;
    Ok(Outcome::done(""))
}

fn sample_pipeline() -> Result<Outcome, Error> {
    pipeline::run(&pipeline::Arguments::default())?;
    Ok(Outcome::done("target/pipeline/sample"))
}

fn walk() -> Result<Outcome, Error> {
    walkthrough::run(&walkthrough::Arguments::default())?;
    Ok(Outcome::done("target/walkthrough"))
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

fn advisories() -> Result<Outcome, Error> {
    if !Invocation::cargo("deny fetch db").succeeds() {
        return Ok(Outcome::skipped(
            "no cargo-deny, or RustSec's database cannot be reached",
        ));
    }
    passes("deny --locked check --disable-fetch advisories")
}

/// Packs the crates that may be published, as for the registry.
fn package() -> Result<Outcome, Error> {
    let metadata = Invocation::cargo("metadata --no-deps --format-version 1 --locked").output()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let published = packages.filter(|package| package["publish"].is_null());
    let names: Vec<_> = published
        .filter_map(|package| package["name"].as_str())
        .collect();
    // The lints and the tests have compiled them.
    let pack = Invocation::cargo("package --locked --no-verify --allow-dirty");
    let pack = pack.arguments(names.iter().flat_map(|name| ["--package", name]));
    pack.run()?;
    Ok(Outcome::done(names.join(", ")))
}

fn documentation() -> Result<Outcome, Error> {
    Invocation::cargo("doc --workspace --no-deps --locked")
        .environment("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Outcome::done("target/doc"))
}
