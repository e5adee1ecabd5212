//! Invalid tracking stores and registries.

use pet_tests::Store;

use crate::output::Output;
use crate::test_dir::TestDir;

#[test]
fn an_invalid_database_is_reported() {
    let dir = TestDir::new();
    dir.write("mlflow.db", "This is a text, and not a short one. ".repeat(100));
    for command in ["runs list", "select"] {
        dir.refused(command).naming(&["mlflow.db"]).hinting("move the file away");
    }
}

#[test]
fn an_unsupported_tracking_uri_is_reported() {
    let dir = TestDir::new();
    dir.refused("runs list --tracking-uri ftp://host")
        .naming(&["ftp://host"])
        .hinting("MLFLOW_TRACKING_URI");
    dir.refused("runs list --tracking-uri sqlite:////proc/nowhere/mlflow.db")
        .naming(&["/proc/nowhere"]);
}

#[test]
fn a_server_timeout_is_reported() {
    let dir = TestDir::new();
    // Connections stay in its queue, because nothing accepts them.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let mut command = dir.command(&format!("runs list --tracking-uri {server}"));
    command.env("MLFLOW_HTTP_REQUEST_TIMEOUT", "4").env("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0");
    let output = Output::of(&mut command).refused();
    let notice = format!(
        "waiting for `{server}`, which has not responded for 2s (attempts: 1, at most 4s each); Ctrl-C stops\n"
    );
    assert!(output.stderr.starts_with(&notice), "{output:?}");
}

#[test]
fn missing_runs_models_and_versions_are_reported() {
    let dir = TestDir::new();
    Store::new(dir.folder()).register(1, 0.5);
    dir.refused("runs show 0123456789abcdef").naming(&["0123456789abcdef"]);
    dir.refused("runs list --experiment stand-ins --filter bark").naming(&["bark"]);
    dir.refused("select --model-name dogs").naming(&["`dogs`"]).hinting("pet-cli train");
    assert_eq!(dir.run("runs list --json").ok().trim(), "[]");
}

#[test]
fn exports_report_what_is_missing() {
    let Some(dir) = TestDir::with_runtime() else { return };
    let store = Store::new(dir.folder());
    dir.refused("export --model-name dogs").naming(&["`dogs`"]).hinting("pet-cli train");
    store.register(1, 0.5);
    dir.refused("export --model-name stand_in --version 9").naming(&["9"]);
    let foreign = store.register_foreign(0.9);
    dir.refused("export --model-name stand_in")
        .naming(&[&format!("version {foreign}"), "`stand_in`", "weights.safetensors"])
        .hinting("pet-cli train");
}

#[test]
fn a_selection_of_another_model_is_not_exported() {
    let Some(dir) = TestDir::with_runtime() else { return };
    Store::new(dir.folder()).register(1, 0.5);
    dir.run("select --model-name stand_in").ok();
    dir.refused("export --model-name dogs").naming(&["`dogs`"]);
}
