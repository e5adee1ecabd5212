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
        let clippy = Invocation::cargo("clippy --workspace --all-targets --locked");
        let clippy = clippy.arguments(TESTED_FEATURES);
        clippy.arguments(["--", "-D", "warnings"]).run()?;
        Ok(Outcome::done(""))
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
    ("test", || {
        test::run(&test::Arguments::default())?;
        Ok(Outcome::done(""))
    }),
    // After the tests, which download ONNX Runtime.
    ("fuzz", fuzz::briefly),
    ("pipeline", || {
        pipeline::run(&pipeline::Arguments::default())?;
        Ok(Outcome::done("target/pipeline/sample"))
    }),
    ("release", release::try_out),
    ("image", image),
    ("stack", stack),
    ("walkthrough", || {
        walkthrough::run(&walkthrough::Arguments::default())?;
        Ok(Outcome::done("target/walkthrough"))
    }),
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
    Invocation::cargo(line).run()?;
    Ok(Outcome::done(""))
}

fn deny() -> Result<Outcome, Error> {
    if !Invocation::cargo("deny --version").succeeds() {
        return Ok(Outcome::skipped("cargo-deny is not installed"));
    }
    cargo("deny --locked check licenses bans sources")
}

fn advisories() -> Result<Outcome, Error> {
    if !Invocation::cargo("deny fetch db").succeeds() {
        return Ok(Outcome::skipped("no cargo-deny, or RustSec's database cannot be reached"));
    }
    cargo("deny --locked check --disable-fetch advisories")
}

/// Packages all crates that may be published.
fn package() -> Result<Outcome, Error> {
    let metadata = Invocation::cargo("metadata --no-deps --format-version 1 --locked").output()?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let published = packages.filter(|package| package["publish"].is_null());
    let names: Vec<_> = published.filter_map(|package| package["name"].as_str()).collect();
    // `lints` and `test` compile them.
    let pack = Invocation::cargo("package --locked --no-verify --allow-dirty");
    let pack = pack.arguments(names.iter().flat_map(|name| ["--package", name]));
    pack.run()?;
    Ok(Outcome::done(names.join(", ")))
}

fn docs() -> Result<Outcome, Error> {
    Invocation::cargo("doc --workspace --no-deps --locked")
        .arguments(TESTED_FEATURES)
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
    let check = |line: &str, files: &str| {
        let mut words = line.split(' ');
        let tool = python.with_file_name(words.next().unwrap_or_default());
        let check = Invocation::new(tool).arguments(words);
        check.arguments(tracked(files.split(' '))?).run()
    };
    check("check-jsonschema --builtin-schema vendor.github-workflows", ".github/workflows")?;
    check("check-jsonschema --builtin-schema vendor.compose-spec", "docker/compose.yaml")?;
    check("zizmor --offline --quiet", ".github/workflows")?;
    check(
        "kubernetes-validate --strict --quiet",
        "docker/kubernetes/*.yaml :!*/inference-service.yaml",
    )?;
    check("hadolint", "docker/Dockerfile")?;
    check("shellcheck", "*.sh .ci/run")?;
    // Without bytecode and caches in the source folder.
    let tests = Invocation::new(&python).arguments(["-B", "-m", "pytest", "--quiet", TESTS]);
    tests.arguments(["-p", "no:cacheprovider"]).run()?;
    compose_and_prometheus()
}

/// Checks the files of Compose and Prometheus with these programs, if they are installed.
fn compose_and_prometheus() -> Result<Outcome, Error> {
    let mut checked = vec!["workflows, scripts, manifests".to_owned()];
    let compose = ["compose --file docker/compose.yaml config --quiet"].as_slice();
    let prometheus = ["check config docker/prometheus.yml", "test rules docker/alerts-test.yml"];
    for (name, version, checks) in
        [("docker", "compose version", compose), ("promtool", "--version", &prometheus)]
    {
        let program = |line: &str| Invocation::new(name).arguments(line.split(' '));
        if program(version).succeeds() {
            checks.iter().try_for_each(|check| program(check).run())?;
        } else {
            checked.push(format!("skipped: no `{name} {version}`"));
        }
    }
    Ok(Outcome::done(checked.join("; ")))
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
    let compose = |line: &str| {
        let command = Invocation::new("docker").argument("compose");
        command.arguments(line.split(' ')).succeeds()
    };
    if !compose("version") {
        return Some("no `docker compose`");
    }
    // Local images, such as stand-ins, need no registry.
    let pull = "--file docker/compose.yaml pull --quiet --policy missing mlflow prometheus";
    (!compose(pull))
        .then_some("no images of MLflow and Prometheus, and no registry to pull them from")
}
