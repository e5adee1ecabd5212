//! Checks of the files that build, deliver and run the service.

use super::python::DELIVERY;
use super::tidy::tracked;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;

/// Tests of the workflows' scripts and of the manifests, for which no tool exists.
const TESTS: &str = "xtask/src/ci/delivery";

/// Checks workflows, scripts and manifests with tools in a Python environment; skipped without it.
pub(super) fn run() -> Result<Outcome, Error> {
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
