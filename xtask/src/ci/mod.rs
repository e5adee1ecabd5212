//! `cargo xtask ci`

pub(crate) mod python;
mod tidy;

use clap::Args;
use clap::builder::PossibleValuesParser;

use self::python::DELIVERY;
use self::tidy::tracked;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::pet_cli::TESTED_FEATURES;
use crate::report::{Outcome, Report};
use crate::workspace::{self, Profile};
use crate::{docker, fuzz, pet_cli, pipeline, release, test, walkthrough};

/// Name and work of a step.
type Step = (&'static str, fn() -> Result<Outcome, Error>);

/// All steps, cheapest first.
const STEPS: [Step; 19] = [
    ("format", || {
        cargo("fmt --all --check")?;
        cargo("fmt --manifest-path fuzz/Cargo.toml --check")
    }),
    ("tidy", tidy::run),
    ("deny", deny),
    ("advisories", advisories),
    ("delivery", delivery),
    // With every feature, then with none.
    ("lints", || {
        cargo(&format!(
            "clippy --workspace --all-targets --locked {TESTED_FEATURES} -- -D warnings"
        ))
    }),
    ("serving", || {
        cargo(
            "clippy -p pet-cli -p pet-api --no-default-features --lib --bins --test api --locked -- -D warnings",
        )
    }),
    ("docs", docs),
    ("package", package),
    ("python-env", || python::PYTHON.create()),
    ("schemathesis-env", || python::SCHEMATHESIS.create()),
    ("mlflow-env", || python::MLFLOW.create()),
    ("test", || test::run(&test::Arguments::default()).map(|()| Outcome::done(""))),
    // After the tests, which download ONNX Runtime.
    ("fuzz", fuzz::briefly),
    ("pipeline", || {
        let ran = pipeline::run(&pipeline::Arguments::default());
        ran.map(|()| Outcome::done("target/pipeline/sample"))
    }),
    ("release", release::try_out),
    ("image", image),
    ("stack", stack),
    ("walkthrough", || {
        let ran = walkthrough::run(&walkthrough::Arguments::default());
        ran.map(|()| Outcome::done("target/walkthrough"))
    }),
];

/// Tools of the Python environment, with their arguments, and the files that they check.
const CHECKERS: [(&str, &str, &str); 6] = [
    ("check-jsonschema", "--builtin-schema vendor.github-workflows", ".github/workflows"),
    ("check-jsonschema", "--builtin-schema vendor.compose-spec", "docker/compose.yaml"),
    ("zizmor", "--offline --quiet", ".github/workflows"),
    (
        "kubernetes-validate",
        "--strict --quiet",
        "docker/kubernetes/*.yaml :!*/inference-service.yaml",
    ),
    ("hadolint", "", "docker/Dockerfile"),
    ("shellcheck", "", "*.sh .ci/run"),
];

/// Other programs, each with the commands that it checks something with.
const PROGRAMS: [(&str, &[&str]); 2] = [
    ("docker compose version", &["docker compose --file docker/compose.yaml config --quiet"]),
    (
        "promtool --version",
        &[
            "promtool check config docker/prometheus.yml",
            "promtool test rules docker/alerts-test.yml",
        ],
    ),
];

/// Tests of the workflows' scripts and of the manifests, for which no tool exists.
const TESTS: &str = "xtask/src/ci/delivery";

/// Check everything, cheapest first
///
/// Formatting, house rules, licences, workflows and manifests, lints, documentation, every test, fuzzing, the pipeline
/// on the generated sample, the archive and the Python wheel of a release, the image with the committed model, the
/// image with MLflow and Prometheus, then every command in the documents. Stops at the first failure. Creates Python
/// environments under `.cache/` for tests that compare with Python libraries; these tests are skipped if that fails,
/// and the licence check is skipped without cargo-deny.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask ci                   everything
  cargo xtask ci format lints      these steps only")]
pub(crate) struct Arguments {
    /// Steps, in any order [default: all]
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

/// Runs cargo with arguments separated by spaces.
fn cargo(line: &str) -> Result<Outcome, Error> {
    Invocation::new("cargo").words(line).run()?;
    Ok(Outcome::done(""))
}

fn deny() -> Result<Outcome, Error> {
    if !Invocation::line("cargo deny --version").succeeds() {
        return Ok(Outcome::skipped("cargo-deny is not installed"));
    }
    cargo("deny --locked check licenses bans sources")
}

fn advisories() -> Result<Outcome, Error> {
    if !Invocation::line("cargo deny fetch db").succeeds() {
        return Ok(Outcome::skipped("no cargo-deny, or RustSec's database cannot be reached"));
    }
    cargo("deny --locked check --disable-fetch advisories")
}

/// Packages all crates that may be published.
fn package() -> Result<Outcome, Error> {
    let metadata = Invocation::line("cargo metadata --no-deps --format-version 1 --locked");
    let metadata: serde_json::Value = serde_json::from_str(&metadata.output()?).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let published = packages.filter(|package| package["publish"].is_null());
    let names: Vec<_> = published.filter_map(|package| package["name"].as_str()).collect();
    // `lints` and `test` compile them.
    Invocation::line("cargo package --locked --no-verify --allow-dirty")
        .arguments(names.iter().flat_map(|name| ["--package", name]))
        .run()?;
    Ok(Outcome::done(names.join(", ")))
}

fn docs() -> Result<Outcome, Error> {
    Invocation::line("cargo doc --workspace --no-deps --locked")
        .words(TESTED_FEATURES)
        .environment("RUSTDOCFLAGS", "-D warnings")
        .run()?;
    Ok(Outcome::done("target/doc"))
}

/// Checks workflows, scripts and manifests with tools in a Python environment; skipped without it.
fn delivery() -> Result<Outcome, Error> {
    DELIVERY.create()?;
    let Some(python) = DELIVERY.usable() else {
        return Ok(Outcome::skipped("no Python with the checkers"));
    };
    for (tool, arguments, files) in CHECKERS {
        let check = Invocation::new(python.with_file_name(tool)).words(arguments);
        check.arguments(tracked(files)?).run()?;
    }
    // Without bytecode and caches in the source folder.
    let tests = Invocation::new(python).words("-B -m pytest --quiet -p no:cacheprovider");
    tests.argument(TESTS).run()?;
    let mut done = vec!["workflows, scripts, manifests".to_owned()];
    for (version, checks) in PROGRAMS {
        if Invocation::line(version).succeeds() {
            checks.iter().try_for_each(|check| Invocation::line(check).run())?;
        } else {
            done.push(format!("skipped: no `{version}`"));
        }
    }
    Ok(Outcome::done(done.join("; ")))
}

/// Builds and tests the image with the committed model.
fn image() -> Result<Outcome, Error> {
    docker::with_engine(|| {
        let image = docker::make(&workspace::root().join("results"))?;
        docker::smoke_test()?;
        Ok(Outcome::done(image))
    })
}

/// Runs docker/stack-test.sh: the service with MLflow and Prometheus.
fn stack() -> Result<Outcome, Error> {
    docker::with_engine(|| {
        if let Some(reason) = stack_obstacle() {
            return Ok(Outcome::skipped(reason));
        }
        pet_cli::build(Profile::Release).run()?;
        Invocation::new("docker/stack-test.sh")
            .argument(workspace::program(Profile::Release))
            .run()?;
        Ok(Outcome::done("service, MLflow, Prometheus"))
    })
}

/// Why the stack cannot be started on this machine.
fn stack_obstacle() -> Option<&'static str> {
    if !Invocation::line("docker compose version").succeeds() {
        return Some("no `docker compose`");
    }
    // Local images, such as stand-ins, need no registry.
    let pull =
        "docker compose --file docker/compose.yaml pull --quiet --policy missing mlflow prometheus";
    (!Invocation::line(pull).succeeds())
        .then_some("no images of MLflow and Prometheus, and no registry to pull them from")
}
