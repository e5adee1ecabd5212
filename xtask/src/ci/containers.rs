//! The steps that need a Docker engine.

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace::{self, Profile};
use crate::{docker, pet_cli};

/// Builds the image with the committed model and tries it.
pub(super) fn image() -> Result<Outcome, Error> {
    docker::with_engine(|| {
        let image = docker::make(&workspace::root().join("results"))?;
        docker::smoke_test()?;
        Ok(Outcome::done(image))
    })
}

/// Brings up the service with MLflow and Prometheus beside it, and trains into it.
pub(super) fn stack() -> Result<Outcome, Error> {
    docker::with_engine(|| {
        if let Some(reason) = stack_obstacle() {
            return Ok(Outcome::skipped(reason));
        }
        pet_cli::build(Profile::Release).run()?;
        Invocation::new("docker/stack-test.sh")
            .argument(workspace::program(Profile::Release, "pet-cli"))
            .run()?;
        Ok(Outcome::done("service, MLflow, Prometheus"))
    })
}

/// Why the stack cannot be brought up here, none if it can.
fn stack_obstacle() -> Option<&'static str> {
    let compose = |line: &str| {
        let command = Invocation::new("docker").argument("compose");
        command.arguments(line.split(' ')).succeeds()
    };
    if !compose("version") {
        return Some("no `docker compose`");
    }
    // Asks no registry for images that are here, such as stand-ins.
    let pull = "--file docker/compose.yaml pull --quiet --policy missing mlflow prometheus";
    (!compose(pull))
        .then_some("no images of MLflow and Prometheus, and no registry to have them from")
}
