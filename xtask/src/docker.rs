//! `cargo xtask docker`: the image of the service.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf, absolute};

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// What describes the image.
const FILE: &str = "docker/Dockerfile";

/// What the image is called.
const TAG: &str = "pet-classifier";

/// The model of the image, where it is not the one in `results/`; a part of the build's context.
const STAGED: &str = "target/docker/results";

/// The build arguments of docker/Dockerfile that name the images it begins with, as docker/compose.yaml has them.
const BASES: [&str; 3] = ["RUST_IMAGE", "PYTHON_IMAGE", "RUNTIME_IMAGE"];

/// The network of the build, where it is not the engine's default.
const NETWORK: &str = "BUILD_NETWORK";

/// What is not known is said to be so.
const UNKNOWN: &str = "unknown";

/// The files that are served or shown; whatever else lies beside them stays out of the image.
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
/// Builds nothing when a test of the model fails. The variables `RUST_IMAGE`, `PYTHON_IMAGE` and `RUNTIME_IMAGE` name
/// other base images than the Dockerfile does, such as those of docker/stand-in-bases.sh; `BUILD_NETWORK` names the
/// build's network.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask docker
  cargo xtask docker --results target/pipeline/sample/results
  cargo xtask docker --smoke-test       and try the image: docker/smoke-test.sh")]
pub(crate) struct Arguments {
    /// Folder of the model
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
    /// Run the image afterwards, with docker/smoke-test.sh
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

/// Why the image cannot be built here, none if it can.
pub(crate) fn obstacle() -> Option<String> {
    let engine = Invocation::new("docker").argument("info").succeeds();
    (!engine).then(|| "no Docker engine (`docker info` fails)".to_owned())
}

/// Skips a step without an engine, or fails it where `PET_REQUIRE_DOCKER` says that there must be one.
pub(crate) fn with_engine(step: impl FnOnce() -> Result<Outcome, Error>) -> Result<Outcome, Error> {
    let required = workspace::set("PET_REQUIRE_DOCKER").is_some_and(|set| set == "1");
    match obstacle() {
        Some(message) if required => Err(Error::Usage { message }),
        Some(reason) => Ok(Outcome::skipped(reason)),
        None => step(),
    }
}

/// Tests the model and builds the image; its tag and size.
pub(crate) fn make(results: &Path) -> Result<String, Error> {
    tests(results)
        .run()
        .map_err(|error| failed(results, error))?;
    stage(results)?;
    build(results).run()?;
    let size = Invocation::new("docker").arguments(["image", "inspect", "--format", "{{.Size}}"]);
    let size = size.argument(TAG).output()?;
    let megabytes = size.trim().parse::<f64>().unwrap_or(f64::NAN) / 1e6;
    Ok(format!("image {TAG}, {megabytes:.1} MB"))
}

/// Starts the image and asks it, of a real photograph where there is one.
pub(crate) fn smoke_test() -> Result<(), Error> {
    let images = workspace::photographs().map(|folder| folder.join("images"));
    let images = images.map(|images| workspace::files(images, "jpg"));
    let photograph = images.transpose()?.unwrap_or_default().into_iter().next();
    let test = Invocation::new("docker/smoke-test.sh").argument(TAG);
    test.arguments(photograph).run()
}

/// The command that builds the image.
pub(crate) fn build(results: &Path) -> Invocation {
    let build = Invocation::new("docker").arguments(["build", "--file", FILE, "--tag", TAG]);
    let mut build = labels(results)
        .iter()
        .fold(build, |build, (name, value)| with(build, name, value));
    if !is_the_repositorys(results) {
        build = with(build, "RESULTS", STAGED);
    }
    with_bases(build, workspace::set).argument(".")
}

/// What is written on the image.
fn labels(results: &Path) -> [(&'static str, String); 4] {
    let head = Invocation::new("git").arguments(["rev-parse", "HEAD"]);
    let revision = head.output().map(|commit| commit.trim().to_owned());
    let selection = fs_err::read_to_string(results.join("selection.json"));
    let selection = serde_json::from_str(&selection.unwrap_or_default()).unwrap_or_default();
    let field = |name: &str| match serde_json::Value::get(&selection, name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => UNKNOWN.to_owned(),
    };
    [
        ("VERSION", env!("CARGO_PKG_VERSION").to_owned()),
        ("REVISION", revision.unwrap_or_else(|_| UNKNOWN.to_owned())),
        ("MODEL_VERSION", field("version")),
        ("MODEL_VAL_ACC", field("val_acc")),
    ]
}

/// Hands on what the environment says of base images and of the network.
fn with_bases(mut build: Invocation, set: impl Fn(&str) -> Option<OsString>) -> Invocation {
    if let Some(network) = set(NETWORK) {
        build = build.argument("--network").argument(network);
    }
    for name in BASES {
        if let Some(image) = set(name) {
            build = with(build, name, image);
        }
    }
    build
}

/// Adds an argument of docker/Dockerfile.
fn with(build: Invocation, name: &str, value: impl AsRef<OsStr>) -> Invocation {
    let mut pair = OsString::from(format!("{name}="));
    pair.push(value);
    build.argument("--build-arg").argument(pair)
}

/// The command that tests the model.
fn tests(results: &Path) -> Invocation {
    // As the pipeline does, so that nothing is compiled twice.
    Invocation::cargo("test --locked -p pet-cli -p pet-tests --test artifacts")
        .environment("PET_RESULTS", results)
        .environment("PET_REQUIRE_RUNTIME", "1")
}

/// Says whose tests have failed, where they have run at all.
fn failed(results: &Path, error: Error) -> Error {
    match error {
        Error::Exit { .. } => Error::Model {
            results: workspace::shown(results),
            source: Box::new(error),
        },
        error => error,
    }
}

fn is_the_repositorys(results: &Path) -> bool {
    results == workspace::root().join("results")
}

/// Copies a model from elsewhere to where the build sees it.
fn stage(results: &Path) -> Result<(), Error> {
    if is_the_repositorys(results) {
        return Ok(());
    }
    let staged = workspace::root().join(STAGED);
    fs_err::create_dir_all(&staged)?;
    for name in SERVED {
        let (from, to) = (results.join(name), staged.join(name));
        if from.is_file() {
            fs_err::copy(from, to)?;
        } else if to.is_file() {
            fs_err::remove_file(to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_model_than_the_repositorys_is_staged() {
        let command = |results: &Path| build(results).to_string();
        let ours = command(&workspace::root().join("results"));
        assert!(ours.starts_with("docker build --file docker/Dockerfile --tag pet-classifier"));
        assert!(!ours.contains("RESULTS="), "{ours}");
        let other = command(Path::new("/elsewhere"));
        assert!(other.contains("RESULTS=target/docker/results"), "{other}");
        assert!(other.contains("MODEL_VERSION=unknown"), "{other}");
        assert!(other.ends_with(" ."), "{other}");
    }

    #[test]
    fn a_model_that_fails_its_tests_is_named() {
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
        let command = |set: &dyn Fn(&str) -> Option<OsString>| {
            with_bases(Invocation::new("docker"), set).to_string()
        };
        assert_eq!(command(&|_| None), "docker");
        let some = |name: &str| match name {
            "RUST_IMAGE" => Some("rust:mine".into()),
            "BUILD_NETWORK" => Some("host".into()),
            _ => None,
        };
        assert_eq!(
            command(&some),
            "docker --network host --build-arg RUST_IMAGE=rust:mine"
        );
    }

    #[test]
    fn the_model_is_described_by_its_selection() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(labels(folder.path())[2].1, UNKNOWN);
        let selection = r#"{"version": "12", "val_acc": 0.9375, "candidates": []}"#;
        fs_err::write(folder.path().join("selection.json"), selection).unwrap();
        let [_, _, version, accuracy] = labels(folder.path());
        assert_eq!((version.1.as_str(), accuracy.1.as_str()), ("12", "0.9375"));
    }
}
