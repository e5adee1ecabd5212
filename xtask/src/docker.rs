//! `cargo xtask docker`: the image of the service.

use std::path::{Path, PathBuf, absolute};

use clap::Args;
use serde_json::Value;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace::{self, remove_folder};

const TAG: &str = "pet-classifier";

/// Where the model is copied if it is outside the build context.
const STAGED: &str = "target/docker/results";

/// The build arguments for base images, as in docker/compose.yaml. They have no value here: Docker takes it from the
/// environment, or else from the Dockerfile.
const BASES: [&str; 3] = ["RUST_IMAGE", "PYTHON_IMAGE", "RUNTIME_IMAGE"];

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
    if let Some(reason) = obstacle() {
        return Err(Error::usage(reason));
    }
    println!("{}", make(&absolute(&arguments.results)?)?);
    if arguments.smoke_test {
        smoke_test()?;
    }
    Ok(())
}

/// Why the image cannot be built on this machine.
pub(crate) fn obstacle() -> Option<&'static str> {
    let engine = Invocation::line("docker info").succeeds();
    (!engine).then_some("no Docker engine (`docker info` fails)")
}

/// Skips a step if there is no Docker engine, unless `PET_REQUIRE_DOCKER=1`.
pub(crate) fn with_engine(step: impl FnOnce() -> Result<Outcome, Error>) -> Result<Outcome, Error> {
    let required = workspace::variable("PET_REQUIRE_DOCKER").is_some_and(|value| value == "1");
    match obstacle() {
        Some(reason) if required => Err(Error::usage(reason)),
        Some(reason) => Ok(Outcome::skipped(reason)),
        None => step(),
    }
}

/// Tests the model and builds the image; returns its tag and size.
pub(crate) fn make(results: &Path) -> Result<String, Error> {
    test(results)?;
    stage(results)?;
    build(results).run()?;
    let size =
        Invocation::line("docker image inspect --format {{.Size}}").argument(TAG).output()?;
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
    let network = workspace::variable("BUILD_NETWORK").unwrap_or_else(|| "default".into());
    let mut arguments = labels(results).to_vec();
    if !is_default(results) {
        arguments.push(format!("RESULTS={STAGED}"));
    }
    arguments.extend(BASES.map(str::to_owned));
    Invocation::line("docker build --file docker/Dockerfile --tag")
        .arguments([TAG, "--network"])
        .argument(network)
        .arguments(arguments.iter().flat_map(|argument| ["--build-arg", argument]))
        .argument(".")
}

/// The build arguments that become labels of the image.
fn labels(results: &Path) -> [String; 4] {
    let unknown = || "unknown".to_owned();
    let revision = Invocation::line("git rev-parse HEAD").output().unwrap_or_else(|_| unknown());
    let selection = fs_err::read_to_string(results.join("selection.json"));
    let selection: Value = serde_json::from_str(&selection.unwrap_or_default()).unwrap_or_default();
    let field = |name: &str| match &selection[name] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => unknown(),
    };
    [
        format!("VERSION={}", env!("CARGO_PKG_VERSION")),
        format!("REVISION={}", revision.trim()),
        format!("MODEL_VERSION={}", field("version")),
        format!("MODEL_VAL_ACC={}", field("val_acc")),
    ]
}

/// Tests the model.
fn test(results: &Path) -> Result<(), Error> {
    // The same packages as in the pipeline, so that nothing is compiled twice.
    let test = Invocation::line("cargo test --locked -p pet-cli -p pet-tests --test artifacts")
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

    #[test]
    fn a_model_outside_the_build_context_is_staged() {
        let default = build(&workspace::root().join("results")).to_string();
        assert!(default.starts_with("docker build --file docker/Dockerfile --tag pet-classifier"));
        assert!(!default.contains("RESULTS="), "{default}");
        let other = build(Path::new("/elsewhere")).to_string();
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
    fn base_images_come_from_the_environment() {
        let command = build(Path::new("/elsewhere")).to_string();
        assert!(command.contains(" --network "), "{command}");
        assert!(command.contains(" --build-arg RUST_IMAGE --build-arg "), "{command}");
    }

    #[test]
    fn labels_come_from_the_selection() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(labels(folder.path())[2], "MODEL_VERSION=unknown");
        let selection = r#"{"version": "12", "val_acc": 0.9375, "candidates": []}"#;
        fs_err::write(folder.path().join("selection.json"), selection).unwrap();
        let [_, _, version, accuracy] = labels(folder.path());
        assert_eq!([version, accuracy], ["MODEL_VERSION=12", "MODEL_VAL_ACC=0.9375"]);
    }
}
