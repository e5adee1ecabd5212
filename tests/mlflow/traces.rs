//! Traces of the service in MLflow.

use pet_tests::{Service, results_folder, sample_pictures};
use serde_json::Value;

use crate::program::Program;
use crate::python::{self, Server, free_port};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

#[cfg(unix)]
#[test]
fn mlflow_shows_the_spans_of_a_request() {
    let (Some(python), Some(program)) = (python::find(), Program::new()) else { return };
    let home = tempfile::tempdir().unwrap();
    let server = Server::tracking(&python, home.path(), "sqlite:///server.db", free_port());
    results_folder(&program.folder().join("results"));
    let mut serve = program.command("serve --port 0 --results results --log-format json");
    serve
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", server.url())
        .env("OTEL_EXPORTER_OTLP_HEADERS", "x-mlflow-experiment-id=0");
    let mut service = Service::start(&mut serve);
    let pictures: Vec<_> =
        sample_pictures(1).into_iter().map(|picture| ("a.jpg", picture)).collect();
    let caller = format!("traceparent: 00-{TRACE}-00f067aa0ba902b7-01\r\n");
    for head in ["", &caller] {
        let answer = service.upload("/predict", head, &pictures);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    // Pending spans are sent when the service stops.
    service.signal("-TERM");
    assert_eq!(service.exit(), Some(0));

    let traces = python::run(&python, home.path(), "traces.py", &server.url(), &[]);
    let traces = traces.as_object().unwrap();
    assert_eq!(traces.len(), 2, "{traces:?}");
    assert!(traces.contains_key(&format!("tr-{TRACE}")), "{traces:?}");
    traces.values().for_each(check);
}

/// Checks the spans of a request and of its phases.
fn check(spans: &Value) {
    let request = &spans["POST /predict"];
    assert_eq!(request["route"], "/predict");
    assert_eq!(request["status"], 200);
    let time = |span: &Value, which| span[which].as_i64().unwrap();
    for name in ["queue", "decode", "preprocess", "infer"] {
        let phase = &spans[name];
        assert_eq!(phase["parent"], request["id"], "{spans}");
        assert!(time(request, "start") <= time(phase, "start"), "{spans}");
        assert!(time(phase, "end") <= time(request, "end"), "{spans}");
    }
}
