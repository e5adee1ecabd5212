//! Where the documents' commands are run.

use super::commands::{self, Command};
use super::curl;
use crate::protocol::root;

/// How commands begin, the file that runs them or parses each of them, and the words in it that do.
const RULES: [(&str, &str, &str); 17] = [
    (
        "cargo xtask ",
        "xtask/src/main.rs",
        "the_documents_name_tasks_that_exist",
    ),
    ("pet-cli ", CLI, "the_documents_name_commands_that_exist"),
    (
        "cargo run --release -p pet-cli -- ",
        CLI,
        "the_documents_name_commands_that_exist",
    ),
    (
        "cargo build --release -p pet-cli",
        ".github/workflows/release.yml",
        "cargo build --release --locked --package pet-cli",
    ),
    (
        "cargo clippy --workspace --all-targets -- -D warnings",
        "xtask/src/ci/mod.rs",
        "clippy --workspace --all-targets",
    ),
    (
        "cargo clippy -p pet-cli --no-default-features",
        "xtask/src/ci/mod.rs",
        "clippy -p pet-cli --no-default-features",
    ),
    (
        "export PATH=",
        "tests/cli/usage.rs",
        "every_command_explains_itself",
    ),
    (
        "docker run --rm --publish 8000:8000 --read-only --cap-drop ALL pet-classifier",
        SMOKE_TEST,
        "--read-only --cap-drop ALL",
    ),
    (
        "docker run --rm --publish 8000:8000 --volume ",
        SMOKE_TEST,
        "--volume \"$PWD/results:/opt/pet-classifier/results:ro\"",
    ),
    (
        "eval \"$(docker/stand-in-bases.sh)\"",
        ".ci/run",
        "docker/stand-in-bases.sh",
    ),
    (
        "docker compose --file docker/compose.yaml up --build",
        "docker/stack-test.sh",
        "docker compose --file docker/compose.yaml \"$@\"",
    ),
    (
        "kubectl apply --filename docker/kubernetes/",
        DELIVERY,
        "docker/kubernetes/deployment.yaml",
    ),
    ("hf upload ", ".github/workflows/deploy.yml", "hf upload"),
    (
        "mlflow server --backend-store-uri sqlite:///",
        "tests/mlflow/server.rs",
        "--backend-store-uri",
    ),
    (
        "mlflow models serve ",
        "tests/mlflow/with_server.rs",
        "[\"models\", \"serve\", \"-m\", model, \"--env-manager\", \"local\"]",
    ),
    (
        "export MLFLOW_TRACKING_URI=",
        "tests/mlflow/program.rs",
        "MLFLOW_TRACKING_URI",
    ),
    (
        "pip install mlflow==3.17.2",
        "xtask/src/ci/python.rs",
        "mlflow==3.17.2",
    ),
];

const CLI: &str = "crates/pet-cli/src/documentation.rs";
const DELIVERY: &str = "xtask/src/ci/delivery.rs";
const SMOKE_TEST: &str = "docker/smoke-test.sh";

/// Spark takes minutes and Java, so nothing runs this page; its script and options are looked for.
const BY_HAND: &str = "docs/scale-out.md";

#[test]
fn every_command_in_the_documents_has_a_rule() {
    let mut used = [false; RULES.len()];
    for Command { page, text } in commands::all(root()) {
        let rule = RULES.iter().position(|(start, ..)| text.starts_with(start));
        if let Some(index) = rule {
            used[index] = true;
        }
        let covered = rule.is_some() || curl::is_run(&text) || page == BY_HAND;
        assert!(covered, "{page}: nothing runs `{text}`");
        for word in text.split_whitespace() {
            let ours = ["docker/", "docs/"]
                .iter()
                .any(|folder| word.starts_with(folder));
            assert!(!ours || root().join(word).exists(), "{page}: no `{word}`");
        }
    }
    for ((start, file, words), used) in RULES.iter().zip(used) {
        assert!(used, "no document has `{start}`");
        let text = fs_err::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(words), "{file} has no `{words}`");
    }
}
