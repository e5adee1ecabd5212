//! Checks of the files that build, deliver and run the service.

#[cfg(test)]
mod hosts;

use std::path::Path;

use super::python::DELIVERY;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;

/// The scripts, which `shellcheck` reads.
const SCRIPTS: [&str; 10] = [
    ".ci/run",
    "docker/kubernetes/cluster-test.sh",
    "docker/requests.sh",
    "docker/smoke-test.sh",
    "docker/stack-test.sh",
    "docker/stand-in-bases.sh",
    "docker/stand-in-services.sh",
    "docker/stand-ins.sh",
    "xtask/src/release/trial.sh",
    "xtask/src/walkthrough/prelude.sh",
];

/// Files and the schema, among those that come with check-jsonschema, that they must keep to.
const SCHEMAS: [(&str, &[&str]); 2] = [
    (
        "vendor.github-workflows",
        &[
            ".github/workflows/ci.yml",
            ".github/workflows/deploy.yml",
            ".github/workflows/release.yml",
        ],
    ),
    ("vendor.compose-spec", &["docker/compose.yaml"]),
];

/// The manifests of Kubernetes' own kinds.
const MANIFESTS: [&str; 2] = [
    "docker/kubernetes/autoscaler.yaml",
    "docker/kubernetes/deployment.yaml",
];

/// The manifest of `KServe`'s kind, whose schema is in no package: a script of ours checks it.
const INFERENCE_SERVICE: &str = "docker/kubernetes/inference-service.yaml";

/// Where the scripts lie that check what no tool does, and their tests.
const CHECKS: &str = "xtask/src/ci/delivery";

/// Checks workflows, scripts and manifests with tools from a Python environment; skipped without one.
pub(super) fn run() -> Result<Outcome, Error> {
    if let Outcome::Skipped { reason } = DELIVERY.make()? {
        return Ok(Outcome::skipped(reason));
    }
    let Some(python) = DELIVERY.usable() else {
        return Ok(Outcome::skipped("no Python environment"));
    };
    tools(&python)?;
    checks(&python)?;
    let missing = services()?;
    if missing.is_empty() {
        return Ok(Outcome::done("workflows, scripts, manifests, services"));
    }
    let missing = missing.join(", ");
    Ok(Outcome::done(format!(
        "workflows, scripts, manifests; skipped: no {missing}"
    )))
}

/// Runs other people's tools, which lie beside the environment's Python.
fn tools(python: &Path) -> Result<(), Error> {
    let tool = |name| Invocation::new(python.with_file_name(name));
    for (schema, files) in SCHEMAS {
        tool("check-jsonschema")
            .arguments(["--builtin-schema", schema])
            .arguments(files)
            .run()?;
    }
    tool("check-jsonschema")
        .argument("--schemafile")
        .argument(format!("{CHECKS}/render.schema.json"))
        .argument("render.yaml")
        .run()?;
    tool("zizmor")
        .arguments(["--offline", "--quiet", ".github/workflows"])
        .run()?;
    for manifest in MANIFESTS {
        tool("kubernetes-validate")
            .arguments(["--strict", "--quiet", manifest])
            .run()?;
    }
    tool("shellcheck").arguments(SCRIPTS).run()
}

/// Runs our own scripts, whose tests come first: a check that finds nothing must be able to.
fn checks(python: &Path) -> Result<(), Error> {
    // No compiled files beside the sources.
    let script = Invocation::new(python).argument("-B");
    script
        .clone()
        .arguments(["-m", "unittest", "discover", "--start-directory", CHECKS])
        .run()?;
    let [(_, workflows), _] = SCHEMAS;
    script
        .clone()
        .argument(format!("{CHECKS}/workflows.py"))
        .arguments(workflows)
        .run()?;
    script
        .argument(format!("{CHECKS}/inference_service.py"))
        .argument(INFERENCE_SERVICE)
        .run()
}

/// Has Compose and Prometheus read their own files; names the programs that are not here.
fn services() -> Result<Vec<&'static str>, Error> {
    let compose = Invocation::new("docker").argument("compose");
    let promtool = Invocation::new("promtool");
    let config = ["--file", "docker/compose.yaml", "config", "--quiet"];
    let check = ["check", "config", "docker/prometheus.yml"];
    let mut missing = Vec::new();
    if compose.clone().argument("version").succeeds() {
        compose.arguments(config).run()?;
    } else {
        missing.push("docker compose");
    }
    if promtool.clone().argument("--version").succeeds() {
        promtool.arguments(check).run()?;
    } else {
        missing.push("promtool");
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    /// The files with this ending in a folder, seen from the root.
    fn files(folder: &str, ending: &str) -> Vec<String> {
        let files = workspace::files(folder, ending).unwrap();
        files.iter().map(|file| workspace::shown(file)).collect()
    }

    #[test]
    fn nothing_is_left_out() {
        let [(_, workflows), _] = SCHEMAS;
        assert_eq!(files(".github/workflows", "yml"), workflows);
        let folders = [
            "docker/kubernetes",
            "docker",
            "xtask/src/release",
            "xtask/src/walkthrough",
        ];
        let scripts = folders.map(|folder| files(folder, "sh")).concat();
        assert_eq!(scripts, SCRIPTS[1..]);
        let mut manifests = files("docker/kubernetes", "yaml");
        manifests.retain(|name| name != INFERENCE_SERVICE);
        assert_eq!(manifests, MANIFESTS);
    }
}
