//! Checks of the files that build, deliver and run the service.

use super::python::DELIVERY;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// What no tool checks: tests of the workflows' scripts, and of what the files for the hosts say.
const TESTS: &str = "xtask/src/ci/delivery";

/// Checks workflows, scripts and manifests with tools from a Python environment; skipped without one.
pub(super) fn run() -> Result<Outcome, Error> {
    DELIVERY.make()?;
    let Some(python) = DELIVERY.usable() else {
        return Ok(Outcome::skipped("no Python with the checkers"));
    };
    let check = |line: &str, files: &str| {
        let mut words = line.split(' ');
        let tool = python.with_file_name(words.next().unwrap_or_default());
        let check = Invocation::new(tool).arguments(words);
        check.arguments(workspace::tracked(files.split(' '))?).run()
    };
    check(
        "check-jsonschema --builtin-schema vendor.github-workflows",
        ".github/workflows",
    )?;
    check(
        "check-jsonschema --builtin-schema vendor.compose-spec",
        "docker/compose.yaml",
    )?;
    check("zizmor --offline --quiet", ".github/workflows")?;
    check(
        "kubernetes-validate --strict --quiet",
        "docker/kubernetes/*.yaml :!*/inference-service.yaml",
    )?;
    check("hadolint", "docker/Dockerfile")?;
    check("shellcheck", "*.sh .ci/run")?;
    // No compiled files beside the sources.
    let tests = Invocation::new(&python).arguments(["-B", "-m", "pytest", "--quiet", TESTS]);
    tests.arguments(["-p", "no:cacheprovider"]).run()?;
    services()
}

/// Has Compose and Prometheus read their own files, where they are installed.
fn services() -> Result<Outcome, Error> {
    let mut checked = vec!["workflows, scripts, manifests".to_owned()];
    for (name, version, check) in [
        (
            "docker",
            "compose version",
            "compose --file docker/compose.yaml config --quiet",
        ),
        (
            "promtool",
            "--version",
            "check config docker/prometheus.yml",
        ),
    ] {
        let program = |line: &str| Invocation::new(name).arguments(line.split(' '));
        if program(version).succeeds() {
            program(check).run()?;
        } else {
            checked.push(format!("skipped: no `{name} {version}`"));
        }
    }
    Ok(Outcome::done(checked.join("; ")))
}
