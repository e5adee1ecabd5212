//! Models on servers that are older, or break off.

use super::stub::{Answer, Stub, json};
use super::{connect, impatient, options};
use mlflow_client::{Client, Error, ModelVersion, NewModel, Run};

const RUN: &str = r#"{"run":{"info":{"run_id":"r","experiment_id":"1","status":"RUNNING","artifact_uri":"mlflow-artifacts:/1/r/artifacts"}}}"#;
const MODEL: &str = r#"{"registered_model":{"name":"m"}}"#;
const VERSION: &str = r#"{"model_version":{"name":"m","version":"1","run_id":"r"}}"#;
const LOGGED: &str = r#"{"model":{"info":{"model_id":"m-1","artifact_uri":"mlflow-artifacts:/1/models/m-1/artifacts"}}}"#;

fn register(client: &Client) -> Result<ModelVersion, Error> {
    let place = tempfile::tempdir().unwrap();
    fs_err::write(place.path().join("MLmodel"), "flavors: {}").unwrap();
    let run: Run = client.run("r").unwrap();
    client.register_folder(&run, place.path(), &NewModel::new("model", "m"))
}

fn lines(stub: &Stub) -> Vec<String> {
    let line = |head: &str| {
        let mut words = head.split(' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        let last = path.split("/mlflow").last().unwrap_or_default();
        format!("{method} {last}")
    };
    stub.requests().iter().map(|request| line(&request.head)).collect()
}

#[test]
fn a_server_without_logged_models_gets_the_model_among_the_runs_artifacts() {
    let unknown = r#"{"error_code":"ENDPOINT_NOT_FOUND","message":"no"}"#;
    for refusal in [
        Answer::text(404, "<!doctype html><title>404 Not Found</title>"),
        Answer::text(405, "<!doctype html><title>405</title>"),
        Answer::text(404, unknown),
    ] {
        let stub = Stub::start(vec![json(RUN), refusal, Answer::text(200, ""), json(VERSION)]);
        let version = register(&connect(&stub.url, options())).unwrap();
        assert_eq!(version.version, 1);
        assert_eq!(
            lines(&stub)[1..],
            [
                "POST /logged-models",
                "PUT -artifacts/artifacts/1/r/artifacts/model/MLmodel",
                "POST /model-versions/create"
            ]
        );
        let body = String::from_utf8(stub.requests()[3].body.clone()).unwrap();
        assert!(body.contains("mlflow-artifacts:/1/r/artifacts/model"), "{body}");
    }
}

#[test]
fn another_refusal_is_no_sign_of_age() {
    let refusal = r#"{"error_code":"PERMISSION_DENIED","message":"no"}"#;
    let stub = Stub::start(vec![json(RUN), Answer::text(403, refusal)]);
    let error = register(&connect(&stub.url, options())).unwrap_err();
    assert!(matches!(error, Error::Server { status: 403, .. }), "{error}");
    assert_eq!(stub.requests().len(), 2);
}

#[test]
fn a_model_whose_upload_breaks_is_marked_and_not_registered() {
    let stub =
        Stub::start(vec![json(RUN), json(LOGGED), json("{}"), Answer::DropWithin(3), json("{}")]);
    let error = register(&connect(&stub.url, impatient())).unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");
    assert_eq!(lines(&stub)[4], "PATCH /logged-models/m-1");
    let body = String::from_utf8(stub.requests()[4].body.clone()).unwrap();
    assert!(body.contains("LOGGED_MODEL_UPLOAD_FAILED"), "{body}");
}

#[test]
fn the_registered_model_is_made_with_its_first_version() {
    let missing = r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"no m"}"#;
    let stub = Stub::start(vec![
        json(RUN),
        json(LOGGED),
        json("{}"),
        Answer::text(200, ""),
        json("{}"),
        Answer::text(404, missing),
        json(MODEL),
        json(VERSION),
    ]);
    let version = register(&connect(&stub.url, options())).unwrap();
    assert_eq!(version.version, 1);
    assert_eq!(
        lines(&stub)[5..],
        [
            "POST /model-versions/create",
            "POST /registered-models/create",
            "POST /model-versions/create"
        ]
    );
}

#[test]
fn a_name_that_no_model_may_have_is_refused_before_the_upload() {
    let stub = Stub::start(vec![json(RUN)]);
    let client = connect(&stub.url, options());
    let run: Run = client.run("r").unwrap();
    let place = tempfile::tempdir().unwrap();
    let error = client.register_folder(&run, place.path(), &NewModel::new("model", "a/b"));
    assert!(matches!(error, Err(Error::Invalid { .. })), "{error:?}");
    assert_eq!(stub.requests().len(), 1);
}
