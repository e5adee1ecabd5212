//! `cargo xtask docker`: the image of the service.

use std::ffi::OsString;
use std::path::{Path, PathBuf, absolute};

use clap::Args;
use serde_json::Value;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace::{self, remove_folder};

const FILE: &str = "docker/Dockerfile";
const TAG: &str = "pet-classifier";

/// Where the model is copied if it is outside the build context.
const STAGED: &str = "target/docker/results";

/// The build arguments for base images, as in docker/compose.yaml.
const BASES: [&str; 3] = ["RUST_IMAGE", "PYTHON_IMAGE", "RUNTIME_IMAGE"];

/// The variable that sets the network of the build.
const NETWORK: &str = "BUILD_NETWORK";

const UNKNOWN: &str = "unknown";

/// The files of the results that the image needs.
const SERVED: [&str; 8] = [
    "model.onnx",
    "model.int8.onnx",
    "classes.json",
    "selection.json",
    "metrics.json",
    "training_curves.png",
    "confusion_matrix.png",
    "MODEL_CARD.md",
];

/// Test the model, then build the image of the service
///
/// Builds nothing if a test of the model fails. The variables `RUST_IMAGE`, `PYTHON_IMAGE` and `RUNTIME_IMAGE` replace
/// the base images of the Dockerfile, for example with those of docker/stand-in-bases.sh; `BUILD_NETWORK` is the
/// build's network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask docker
  cargo xtask docker --results target/pipeline/sample/results
  cargo xtask docker --smoke-test       and test the image: docker/smoke-test.sh")]
pub(crate) struct Arguments {
    /// Folder of the model
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// Test the image afterwards, with docker/smoke-test.sh
    #[arg(long)]
    smoke_test: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    if let Some(message) = obstacle() {
        return Err(Error::Usage { message });
    }
    println!("{}", make(&absolute(&arguments.results)?)?);
    if arguments.smoke_test {
        smoke_test()?;
    }
    Ok(())
}

/// Why the image cannot be built on this machine.
pub(crate) fn obstacle() -> Option<String> {
    let engine = Invocation::new("docker").argument("info").succeeds();
    (!engine).then(|| "no Docker engine (`docker info` fails)".to_owned())
}

/// Skips a step if there is no Docker engine, unless `PET_REQUIRE_DOCKER=1`.
pub(crate) fn with_engine(step: impl FnOnce() -> Result<Outcome, Error>) -> Result<Outcome, Error> {
    let required = workspace::variable("PET_REQUIRE_DOCKER").is_some_and(|value| value == "1");
    match obstacle() {
        Some(message) if required => Err(Error::Usage { message }),
        Some(reason) => Ok(Outcome::skipped(reason)),
        None => step(),
    }
}

/// Tests the model and builds the image; returns its tag and size.
pub(crate) fn make(results: &Path) -> Result<String, Error> {
    test(results)?;
    stage(results)?;
    build(results).run()?;
    let size = Invocation::new("docker").arguments(["image", "inspect", "--format", "{{.Size}}"]);
    let size = size.argument(TAG).output()?;
    let megabytes = size.trim().parse::<f64>().unwrap_or(f64::NAN) / 1e6;
    Ok(format!("image {TAG}, {megabytes:.1} MB"))
}

/// Runs docker/smoke-test.sh, with a real photo if there is one.
pub(crate) fn smoke_test() -> Result<(), Error> {
    let images = workspace::photographs().map(|folder| folder.join("images"));
    let images = images.map(|images| workspace::files(images, "jpg"));
    let photograph = images.transpose()?.unwrap_or_default().into_iter().next();
    let test = Invocation::new("docker/smoke-test.sh").argument(TAG);
    test.arguments(photograph).run()
}

/// The command that builds the image.
pub(crate) fn build(results: &Path) -> Invocation {
    build_in(results, workspace::variable)
}

fn build_in(results: &Path, variable: impl Fn(&str) -> Option<OsString>) -> Invocation {
    let mut build = Invocation::new("docker").arguments(["build", "--file", FILE, "--tag", TAG]);
    if let Some(network) = variable(NETWORK) {
        build = build.argument("--network").argument(network);
    }
    let mut arguments = labels(results).map(|(name, value)| (name, value.into())).to_vec();
    if !is_default(results) {
        arguments.push(("RESULTS", STAGED.into()));
    }
    arguments.extend(BASES.iter().filter_map(|name| Some((*name, variable(name)?))));
    for (name, value) in arguments {
        let mut pair = OsString::from(format!("{name}="));
        pair.push(value);
        build = build.argument("--build-arg").argument(pair);
    }
    build.argument(".")
}

/// The build arguments that become labels of the image.
fn labels(results: &Path) -> [(&'static str, String); 4] {
    let head = Invocation::new("git").arguments(["rev-parse", "HEAD"]);
    let revision = head.output().map(|commit| commit.trim().to_owned());
    let selection = fs_err::read_to_string(results.join("selection.json"));
    let selection: Value = serde_json::from_str(&selection.unwrap_or_default()).unwrap_or_default();
    let field = |name: &str| match &selection[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => UNKNOWN.to_owned(),
    };
    [
        ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("REVISION", revision.unwrap_or_else(|_| UNKNOWN.to_owned())),
        ("MODEL_VERSION", field("version")),
        ("MODEL_VAL_ACC", field("val_acc")),
    ]
}

/// Tests the model.
fn test(results: &Path) -> Result<(), Error> {
    // The same packages as in the pipeline, so that nothing is compiled twice.
    let test = Invocation::cargo("test --locked -p pet-cli -p pet-tests --test artifacts")
        .environment("PET_RESULTS", results)
        .environment("PET_REQUIRE_RUNTIME", "1");
    test.run().map_err(|error| failed(results, error))
}

/// Names the model if its tests failed.
fn failed(results: &Path, error: Error) -> Error {
    match error {
        Error::Exit { .. } => {
            Error::Model { results: workspace::shown(results), source: Box::new(error) }
        }
        error => error,
    }
}

/// Whether this is `results/`, which is part of the build context.
fn is_default(results: &Path) -> bool {
    results == workspace::root().join("results")
}

/// Copies another model into the build context.
fn stage(results: &Path) -> Result<(), Error> {
    if is_default(results) {
        return Ok(());
    }
    let staged = workspace::root().join(STAGED);
    remove_folder(&staged)?;
    fs_err::create_dir_all(&staged)?;
    for name in SERVED {
        let file = results.join(name);
        if file.is_file() {
            fs_err::copy(file, staged.join(name))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(results: &Path, variable: impl Fn(&str) -> Option<OsString>) -> String {
        build_in(results, variable).to_string()
    }

    #[test]
    fn a_model_outside_the_build_context_is_staged() {
        let default = command(&workspace::root().join("results"), |_| None);
        assert!(default.starts_with("docker build --file docker/Dockerfile --tag pet-classifier"));
        assert!(!default.contains("RESULTS="), "{default}");
        let other = command(Path::new("/elsewhere"), |_| None);
        assert!(other.contains("RESULTS=target/docker/results"), "{other}");
        assert!(other.contains("MODEL_VERSION=unknown"), "{other}");
        assert!(other.ends_with(" ."), "{other}");
    }

    #[test]
    fn a_failed_test_names_the_model() {
        let status = std::process::ExitStatus::default();
        let command = "cargo test".to_owned();
        let error = failed(Path::new("/elsewhere"), Error::Exit { command, status });
        assert_eq!(
            error.to_string(),
            "the model in `/elsewhere` fails its tests: no image is built"
        );
        let error = failed(Path::new("/elsewhere"), Error::Interrupted);
        assert!(matches!(error, Error::Interrupted));
    }

    #[test]
    fn base_images_and_network_come_from_the_environment() {
        let results = Path::new("/elsewhere");
        let plain = command(results, |_| None);
        assert!(!plain.contains("_IMAGE=") && !plain.contains("--network"), "{plain}");
        let changed = command(results, |name| match name {
            "RUST_IMAGE" => Some("rust:mine".into()),
            "BUILD_NETWORK" => Some("host".into()),
            _ => None,
        });
        assert!(changed.contains(" --network host "), "{changed}");
        assert!(changed.ends_with(" --build-arg RUST_IMAGE=rust:mine ."), "{changed}");
    }

    #[test]
    fn labels_come_from_the_selection() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(labels(folder.path())[2].1, UNKNOWN);
        let selection = r#"{"version": "12", "val_acc": 0.9375, "candidates": []}"#;
        fs_err::write(folder.path().join("selection.json"), selection).unwrap();
        let [_, _, version, accuracy] = labels(folder.path());
        assert_eq!((version.1.as_str(), accuracy.1.as_str()), ("12", "0.9375"));
    }
}
