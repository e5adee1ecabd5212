//! schemathesis generates hundreds of valid and invalid requests from `/openapi.json`.

use std::process::Command;

use pet_api::FeedbackFolder;

use super::python::{output, python, script};
use crate::support::Service;

#[test]
fn schemathesis_finds_no_violation() {
    let variable = "PET_SCHEMATHESIS_PYTHON";
    let Some(python) = python(variable, "schemathesis-env", "schemathesis") else { return };
    let kept = tempfile::tempdir().unwrap();
    let Some(service) = Service::start_with(|configuration| {
        configuration.admin_token = Some("secret".into());
        configuration.feedback =
            Some(FeedbackFolder { folder: kept.path().into(), bytes: 1 << 20, count: 100 });
    }) else {
        return;
    };
    let mut command = Command::new(python);
    command
        .args(["-m", "schemathesis.cli", "--config-file"])
        .arg(script("protocol/schemathesis.toml"))
        // A busy machine is slow, which is not a violation.
        .args(["run", "--suppress-health-check", "too_slow"])
        .arg(format!("http://{}/openapi.json", service.address));
    output(&mut command, "");
}
