//! What the files for the hosts say of the service is true.

use std::path::Path;

use super::{INFERENCE_SERVICE, MANIFESTS};
use crate::workspace;

const RENDER: &str = "render.yaml";

/// The files that say how the service is run somewhere.
fn hosts() -> impl Iterator<Item = (&'static str, String)> {
    let files = MANIFESTS.into_iter().chain([INFERENCE_SERVICE, RENDER]);
    files.map(|file| (file, read(file)))
}

fn read(file: &str) -> String {
    fs_err::read_to_string(workspace::root().join(file)).unwrap()
}

/// The values of a key in a text of YAML, wherever it stands.
fn values<'text>(text: &'text str, key: &str) -> Vec<&'text str> {
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '-']));
    let values = lines.filter_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    values.map(|value| value.trim().trim_matches('"')).collect()
}

/// The text of every Rust file in a folder and those below.
fn sources(folder: &Path) -> String {
    let entries = fs_err::read_dir(folder).unwrap();
    let texts = entries.map(|entry| match entry.unwrap().path() {
        path if path.is_dir() => sources(&path),
        path if path.extension().is_some_and(|ending| ending == "rs") => {
            fs_err::read_to_string(path).unwrap()
        }
        _ => String::new(),
    });
    texts.collect()
}

#[test]
fn what_is_asked_is_a_route() {
    let service = sources(&workspace::root().join("crates/pet-api/src"));
    let mut asked = 0;
    for (file, text) in hosts() {
        for key in ["path", "prometheus.io/path", "healthCheckPath"] {
            for path in values(&text, key) {
                asked += 1;
                let route = format!("get(\"{path}\"");
                assert!(service.contains(&route), "{file}: {path} is no route");
            }
        }
    }
    assert_eq!(asked, 6);
}

#[test]
fn what_is_set_is_a_variable_of_the_program() {
    let documentation = read("docs/command-line.md");
    for (file, text) in hosts() {
        for key in ["key", "name"] {
            let names = values(&text, key).into_iter();
            for name in names.filter(|name| name.starts_with("PET_")) {
                let found = documentation.contains(&format!("`{name}`"));
                assert!(found, "{file}: nothing reads {name}");
            }
        }
    }
}

/// A host that kills the service sooner cuts off requests that were accepted.
#[test]
fn a_host_waits_longer_than_the_service() {
    let serve = read("crates/pet-cli/src/command/serve.rs");
    let line = serve.lines().find(|line| line.contains("PET_GRACE"));
    let default = line.unwrap().split("default_value_t = ").nth(1).unwrap();
    let default = default.split(',').next().unwrap();
    for (file, key) in [
        (RENDER, "maxShutdownDelaySeconds"),
        (
            "docker/kubernetes/deployment.yaml",
            "terminationGracePeriodSeconds",
        ),
        // Knative gives a pod as long to end as a request may take.
        (INFERENCE_SERVICE, "timeout"),
    ] {
        let text = read(file);
        let set = text.split_once("PET_GRACE\n");
        let grace = set.map_or(default, |(_, rest)| values(rest, "value")[0]);
        let waits: u32 = values(&text, key)[0].parse().unwrap();
        assert!(
            waits > grace.parse().unwrap(),
            "{file}: {waits} s, {grace} s"
        );
    }
}

#[test]
fn render_builds_from_files_that_exist() {
    let blueprint = read(RENDER);
    for key in ["dockerfilePath", "dockerContext"] {
        let path = values(&blueprint, key)[0];
        assert!(workspace::root().join(path).exists(), "{key}: {path}");
    }
}
