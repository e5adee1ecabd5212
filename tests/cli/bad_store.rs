//! Invalid tracking stores, and registries with model versions of other programs.

use mlflow_client::{Batch, Client, NewModelVersion, NewRun, now};
use pet_tests::Store;

use crate::test_dir::{Output, TestDir};

/// The registered model of `Store`.
const NAME: &str = "stand_in";
const PROMOTE: &str = "promote --dataset folder --data-dir pets";

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

/// Registers a version with files in its run's folder `model`, and with an accuracy if there is one.
fn version(client: &Client, files: &[(&str, &[u8])], val_acc: Option<f64>) -> u32 {
    let experiment = client.experiment("others").unwrap();
    let run = NewRun::new("other", now());
    let run = client.create_run(&experiment.id, &run).unwrap();
    if let Some(val_acc) = val_acc {
        let batch = Batch::new().metric("val_acc", val_acc, now(), 0);
        client.log_batch(&run.id, &batch).unwrap();
    }
    let artifacts = client.artifacts(&run.artifact_uri).unwrap();
    for (file, bytes) in files {
        let path = format!("model/{file}");
        artifacts.upload_bytes(bytes, &path).unwrap();
    }
    let source = format!("{}/model", run.artifact_uri);
    let new = NewModelVersion::new(NAME, source).run_id(&run.id);
    client.create_model_version(&new).unwrap().version
}

/// The files of a scikit-learn model in MLflow.
const SKLEARN: [(&str, &[u8]); 2] = [
    ("MLmodel", b"flavors:\n  sklearn:\n    pickled_model: model.pkl\n"),
    ("model.pkl", b"\x80\x04."),
];

/// Registers versions that cannot be exported, and returns them with the reasons. Version 1 is one of this program.
fn others(client: &Client) -> Vec<(u32, &'static str)> {
    let weights = pet_tests::backbone_bytes();
    let named_alike: [(&str, &[u8]); 2] =
        [("weights.safetensors", b"not safetensors"), ("model.onnx", b"not ONNX")];
    let headless: [(&str, &[u8]); 2] =
        [("weights.safetensors", weights), ("model.onnx", b"not ONNX")];
    let of_no_run = NewModelVersion::new(NAME, "/nowhere/model");
    let of_lost_run = NewModelVersion::new(NAME, "/nowhere/model").run_id("0123456789abcdef");
    let create = |new| client.create_model_version(&new).unwrap().version;
    vec![
        (version(client, &SKLEARN, Some(0.4)), "it has no `weights.safetensors`"),
        (version(client, &named_alike, Some(0.4)), "its files cannot be used"),
        (version(client, &headless, Some(0.4)), "its files cannot be used"),
        (version(client, &[], Some(0.4)), "are gone"),
        (version(client, &SKLEARN, None), "has no finite val_acc"),
        (create(of_no_run), "names no run"),
        (create(of_lost_run), "names the missing run `0123456789abcdef`"),
    ]
}

#[test]
fn foreign_versions_are_rejected_with_the_reason() {
    let Some(dir) = TestDir::with_runtime() else { return };
    dir.prepare_training(3);
    let store = Store::new(dir.folder());
    store.register(1, 0.5);
    let client = &store.client;
    let others = others(client);
    dir.run("export").ok();
    let served = fs_err::read(dir.path("results/model.onnx")).unwrap();
    for (number, says) in &others {
        let export = format!("export --version {number}");
        dir.refused(&export).naming(&[&format!("version {number}"), says]).hinting("");
        // As the first champion, and as a champion to replace.
        dir.refused(&format!("{PROMOTE} --version {number} --split test"))
            .naming(&[&format!("challenger, version {number}"), says])
            .hinting("");
        dir.run(&format!("models alias {NAME} champion {number}")).ok();
        dir.refused("export").naming(&[says]).hinting("");
        dir.refused(&format!("{PROMOTE} --version 1 --split test"))
            .naming(&[&format!("champion, version {number}"), says])
            .hinting("pet-cli models alias");
        let champion = client.model_version_by_alias(NAME, "champion").unwrap();
        assert_eq!(champion.version, *number);
        client.delete_alias(NAME, "champion").unwrap();
    }
    // Such a version does not record its training images either.
    dir.refused(&format!("{PROMOTE} --version {}", others[0].0))
        .naming(&["cannot judge version 2", "has no record of its training data"])
        .hinting("--split test");
    let now = fs_err::read(dir.path("results/model.onnx")).unwrap();
    assert_eq!(now, served);
}

#[test]
fn foreign_versions_are_listed_but_not_selected() {
    let dir = TestDir::new();
    let store = Store::new(dir.folder());
    store.register(1, 0.5);
    let others = others(&store.client);
    let shown = dir.run(&format!("models show {NAME}")).ok();
    assert_eq!(shown.lines().count(), 2 + others.len(), "{shown}");
    let selected = dir.run("select --json").json();
    assert_eq!(selected["version"], "1");
    let left_out = selected["excluded"].as_array().unwrap();
    for (number, says) in &others[4..] {
        let number = number.to_string();
        let row = left_out.iter().find(|row| row[0] == *number);
        let reason = row.unwrap()[1].as_str().unwrap();
        assert!(reason.contains(says), "{reason}");
    }
    let table = dir.run("select").ok();
    assert!(table.contains("names no run"), "{table}");
}
