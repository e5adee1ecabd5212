//! The image of the service.

use crate::invocation::Invocation;
use crate::workspace;

/// What describes the image.
const FILE: &str = "docker/Dockerfile";

/// What the image is called.
pub(super) const TAG: &str = "pet-classifier";

/// Why the image cannot be built here, none if it can.
pub(super) fn obstacle() -> Option<String> {
    if !workspace::root().join(FILE).is_file() {
        return Some(format!("{FILE} is not there yet"));
    }
    let engine = Invocation::new("docker").argument("info").succeeds();
    (!engine).then(|| "no Docker engine (`docker info` fails)".to_owned())
}

/// The command that builds the image.
pub(super) fn build() -> Invocation {
    Invocation::new("docker").arguments(["build", "--file", FILE, "--tag", TAG, "."])
}
