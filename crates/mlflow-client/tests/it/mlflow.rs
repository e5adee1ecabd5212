//! Against MLflow itself, where a Python with it is found.

use crate::python::{self, Server};
use crate::{at, suite};
use mlflow_client::model::{DataType, ExampleTensor, OnnxModel, Signature, TensorSpec};
use mlflow_client::{
    Batch, Client, Config, DatasetInput, Metric, NewModel, NewModelVersion, NewRun, RunStatus,
    TrackingUri,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn connect(url: &str) -> Client {
    Client::open(&Config::new(url.parse::<TrackingUri>().unwrap())).unwrap()
}

/// The suite against a real server with its artifact proxy.
#[test]
fn server_store() {
    let Some(python) = python::find() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server =
        Server::start(&python, folder.path(), &["--backend-store-uri", "sqlite:///own.db"]);
    let client = connect(&server.url);
    suite::run(&client);
    write_golden(&client, "over REST", 0.9);
    let seen = python::look(&python, folder.path(), &server.url);
    check_golden(&seen, &["over REST"]);
    logged_models(&client, &python, folder.path(), &server.url);
}

/// Our database read by the Python client, which upgrades it; then by a server, while we go on
/// writing to the file.
#[test]
fn mlflow_opens_our_database() {
    let Some(python) = python::find() else { return };
    // Nothing random behind `%`: MLflow decodes a path more than once, and so misses a folder such as `%41`.
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("odd ü#%");
    fs_err::create_dir(&folder).unwrap();
    let local = Client::local(&folder).unwrap();
    write_golden(&local, "without MLflow", 0.9);
    assert!(!has_meta_files(&folder.join("mlruns")));

    let uri = "sqlite:///mlflow.db";
    check_golden(&python::look(&python, &folder, uri), &["without MLflow"]);

    let server = Server::start(&python, &folder, &["--backend-store-uri", uri]);
    write_golden(&local, "beside a server", 0.95);
    let reopened = Client::local(&folder).unwrap();
    write_golden(&reopened, "reopened", 0.97);
    let names = ["without MLflow", "beside a server", "reopened"];
    check_golden(&python::look(&python, &folder, &server.url), &names);

    // The suite on a database that MLflow has upgraded, and both of our stores agree on it.
    suite::run(&reopened);
    let remote = connect(&server.url);
    let experiment = local.experiment("golden").unwrap();
    assert_eq!(remote.experiment("golden").unwrap().id, experiment.id);
    let query = mlflow_client::RunQuery::new(&experiment.id);
    let ours: Vec<_> = local.search_runs(&query).map(Result::unwrap).collect();
    let theirs: Vec<_> = remote.search_runs(&query).map(Result::unwrap).collect();
    // As text, since NaN differs from itself.
    assert_eq!(format!("{ours:?}"), format!("{theirs:?}"));
    assert_eq!(
        local.model_version_by_alias("golden_model", "champion").unwrap(),
        remote.model_version_by_alias("golden_model", "champion").unwrap(),
    );
}

/// MLflow 3's logged models: the Python client finds one by its metric and loads it.
fn logged_models(client: &Client, python: &Path, folder: &Path, url: &str) {
    let experiment = client.experiment("logged").unwrap();
    let run = client.create_run(&experiment.id, &NewRun::new("logged", at(1))).unwrap();
    let place = tempfile::tempdir().unwrap();
    let model_folder = place.path().join("model");
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny.onnx");
    model(&run.id).write(&network, &model_folder).unwrap();
    let new = NewModel::new("model", "logged_model").params([("lr", "0.5")]).metric(Metric::new(
        "val_acc",
        0.75,
        at(5),
        2,
    ));
    let version = client.register_folder(&run, &model_folder, &new).unwrap();
    let [model_id] = &client.run(&run.id).unwrap().model_ids[..] else {
        panic!("one logged model")
    };
    assert_eq!(version.source, format!("models:/{model_id}"));
    let seen = python::look_at_models(python, folder, url);
    assert_eq!(
        seen,
        json!([{
            "id": model_id,
            "name": "model",
            "run": run.id,
            "status": "READY",
            "params": { "lr": "0.5" },
            "metrics": { "val_acc": 0.75 },
            "prediction": [[18.0, 22.0, 26.0]],
        }])
    );
}

/// What a training program logs: a run, its files, its model, registered.
fn write_golden(client: &Client, name: &str, last: f64) {
    let experiment = client.experiment("golden").unwrap();
    let run = client
        .create_run(&experiment.id, &NewRun::new(name, mlflow_client::now()).user("me"))
        .unwrap();
    let dataset = DatasetInput::new("numbers", "0123456789abcdef").context("training");
    client.log_datasets(&run.id, &[dataset]).unwrap();
    let batch = Batch::new()
        .param("lr", 0.001)
        .param("odd: ü", "a'b\"c\nd")
        .metric("val_acc", 0.5, at(1_700_000_000_000), 0)
        .metric("val_acc", last, at(1_700_000_001_000), 1)
        .metric("loss", f64::NAN, at(1_700_000_001_000), 1);
    client.log_batch(&run.id, &batch).unwrap();
    let artifacts = client.artifacts(&run.artifact_uri).unwrap();
    artifacts.upload_bytes(b"[\"a\"]", "plots/classes ü.json").unwrap();

    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("model");
    let network = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny.onnx");
    model(&run.id).write(&network, &folder).unwrap();
    artifacts.upload_folder(&folder, "model").unwrap();
    client.update_run(&run.id, RunStatus::Finished, Some(mlflow_client::now())).unwrap();

    client.register_model("golden_model", "Multiplies.", &BTreeMap::new()).unwrap();
    let version = NewModelVersion::new("golden_model", format!("{}/model", run.artifact_uri))
        .run_id(&run.id)
        .description(name)
        .tag("val_acc", last.to_string());
    let version = client.create_model_version(&version).unwrap();
    client.set_alias("golden_model", "champion", version.version).unwrap();
}

fn model(run_id: &str) -> OnnxModel {
    let signature = Signature::new(
        [TensorSpec::new("x", DataType::Float32, &[-1, 4])],
        [TensorSpec::new("y", DataType::Float32, &[-1, 3])],
    );
    OnnxModel::new(mlflow_client::random_id().unwrap(), mlflow_client::now(), signature)
        .example(ExampleTensor::new("x", &[1, 4], [0.5, 1.0, -2.0, 0.1]))
        .metadata("small", 1e-7)
        .metadata("note", "yes: \"ü\"\n")
        .origin(run_id, "model")
}

fn check_golden(seen: &Value, names: &[&str]) {
    let runs = seen["runs"].as_array().unwrap();
    let found: Vec<_> = runs.iter().map(|run| run["name"].as_str().unwrap()).collect();
    assert_eq!(found, names);
    assert_eq!(seen["found"], names.len());
    for run in runs {
        assert_eq!(run["status"], "FINISHED");
        assert_eq!(run["datasets"], json!([["numbers", "0123456789abcdef", "training"]]));
        assert_eq!(run["user"], "me");
        assert_eq!(run["params"], json!({ "lr": "0.001", "odd: ü": "a'b\"c\nd" }));
        assert_eq!(run["metrics"]["loss"], "nan");
        assert_eq!(run["history"][0], json!([0, 1_700_000_000_000_i64, 0.5]));
        assert_eq!(run["history"].as_array().unwrap().len(), 2);
        assert_eq!(run["artifacts"]["plots/classes ü.json"], "5b2261225d");
        let tiny = fs_err::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tiny.onnx"));
        let tiny: Vec<_> = tiny.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(run["artifacts"]["model/model.onnx"], tiny.concat());
    }
    let last = names.last().unwrap();
    assert_eq!(seen["version"]["version"], names.len().to_string());
    assert_eq!(seen["version"]["description"], *last);
    assert_eq!(seen["metadata"], json!({ "small": 1e-7, "note": "yes: \"ü\"\n" }));
    assert_eq!(seen["example"], json!([[0.5, 1.0, -2.0, 0.1_f32]]));
    assert_eq!(seen["prediction"], json!([[18.0, 22.0, 26.0], [9.0, 10.0, 11.0]]));
}

/// MLflow would take the folder for its retired file store.
fn has_meta_files(folder: &Path) -> bool {
    fs_err::read_dir(folder).unwrap().any(|entry| entry.unwrap().path().join("meta.yaml").exists())
}
