//! Checks of the files that build, deliver and run the service.

use super::python::DELIVERY;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;

/// The scripts, which `shellcheck` reads.
const SCRIPTS: [&str; 6] = [
    ".ci/run",
    "docker/requests.sh",
    "docker/smoke-test.sh",
    "docker/stack-test.sh",
    "docker/stand-in-bases.sh",
    "docker/stand-in-services.sh",
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

/// The manifests of Kubernetes' own kinds; the schema of `KServe` is in no package.
const MANIFESTS: [&str; 2] = [
    "docker/kubernetes/autoscaler.yaml",
    "docker/kubernetes/deployment.yaml",
];

/// Checks workflows, scripts and manifests with tools from a Python environment; skipped without one.
pub(super) fn run() -> Result<Outcome, Error> {
    if let Outcome::Skipped { reason } = DELIVERY.make()? {
        return Ok(Outcome::skipped(reason));
    }
    let Some(python) = DELIVERY.usable() else {
        return Ok(Outcome::skipped("no Python environment"));
    };
    // The tools lie beside the environment's Python.
    let tool = |name| Invocation::new(python.with_file_name(name));
    for (schema, files) in SCHEMAS {
        tool("check-jsonschema")
            .arguments(["--builtin-schema", schema])
            .arguments(files)
            .run()?;
    }
    tool("zizmor")
        .arguments(["--offline", "--quiet", ".github/workflows"])
        .run()?;
    for manifest in MANIFESTS {
        tool("kubernetes-validate")
            .arguments(["--strict", "--quiet", manifest])
            .run()?;
    }
    tool("shellcheck").arguments(SCRIPTS).run()?;
    let missing = services()?;
    if missing.is_empty() {
        return Ok(Outcome::done("workflows, scripts, manifests, services"));
    }
    let missing = missing.join(", ");
    Ok(Outcome::done(format!(
        "workflows, scripts, manifests; skipped: no {missing}"
    )))
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
        let entries = fs_err::read_dir(workspace::root().join(folder)).unwrap();
        let paths = entries.map(|entry| workspace::shown(&entry.unwrap().path()));
        let mut files: Vec<_> = paths.filter(|path| path.ends_with(ending)).collect();
        files.sort();
        files
    }

    #[test]
    fn nothing_is_left_out() {
        let [(_, workflows), _] = SCHEMAS;
        assert_eq!(files(".github/workflows", ".yml"), workflows);
        assert_eq!(files("docker", ".sh"), SCRIPTS[1..]);
        let mut manifests = files("docker/kubernetes", ".yaml");
        manifests.retain(|name| !name.ends_with("inference-service.yaml"));
        assert_eq!(manifests, MANIFESTS);
    }
}
