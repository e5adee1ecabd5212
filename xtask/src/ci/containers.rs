//! The steps that need Docker.

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace::{self, Profile};
use crate::{docker, pet_cli};

/// Builds and tests the image with the committed model.
pub(super) fn image() -> Result<Outcome, Error> {
    docker::with_engine(|| {
        let image = docker::make(&workspace::root().join("results"))?;
        docker::smoke_test()?;
        Ok(Outcome::done(image))
    })
}

/// Runs docker/stack-test.sh: the service with MLflow and Prometheus.
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
