//! `GET /metrics`

use std::process::Command;

use pet_image::Format;
use pet_tests::gradient;
use serde_json::Value;

use super::{output, python, script};
use crate::support::{Service, get, post};

/// The metrics as Prometheus' parser reads them.
fn parsed(service: &Service) -> Option<Value> {
    let python = python("PET_PYTHON", "python-env", "prometheus_client")?;
    let text = get("/metrics").send(service).text();
    let json = output(Command::new(python).arg(script("protocol/metrics.py")), &text);
    Some(serde_json::from_str(&json).unwrap())
}

#[test]
fn all_series_exist_from_the_start() {
    let Some(service) = Service::start() else { return };
    let response = get("/metrics").send(&service);
    let media_type = Some("text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(response.header("content-type"), media_type);
    let text = response.text();
    let document = get("/openapi.json").send(&service).json();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let operations = operations.as_object().unwrap().values();
        let statuses = operations.flat_map(|one| one["responses"].as_object().unwrap().keys());
        for status in statuses {
            let series = format!("pet_requests_total{{route=\"{path}\",status=\"{status}\"}} ");
            assert!(text.contains(&series), "{series}");
        }
    }
    let classes = get("/classes").send(&service).json();
    for class in classes["classes"].as_array().unwrap() {
        let series = format!("pet_predictions_total{{class={class}}} 0");
        assert!(text.contains(&series), "{series}");
    }
    for known in ["true", "false"] {
        let series = format!("pet_known_total{{known=\"{known}\"}} 0");
        assert!(text.contains(&series), "{series}");
    }
}

#[test]
fn requests_are_counted_with_few_labels() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(60, 40, Format::Png);
    let response = post("/predict").file("a.png", &picture).send(&service).json();
    post("/predict").send(&service).error(422, "missing_file");
    for path in ["/one", "/two", "/v2/three", "/assets/none"] {
        assert_eq!(get(path).send(&service).status, 404);
    }
    let Some(metrics) = parsed(&service) else { return };
    let class = response["predicted_class"].as_str().unwrap();
    let predictions = format!("pet_predictions_total{{class={class}}}");
    let known = response["known"].as_bool().map(|known| {
        let count = |is: bool| f64::from(u8::from(known == is));
        [count(true), count(false)]
    });
    let [known, unknown] = known.unwrap_or_default();
    for (series, expected) in [
        ("pet_requests_total{route=/predict,status=200}", 1.0),
        ("pet_requests_total{route=/predict,status=422}", 1.0),
        ("pet_requests_total{route=none,status=404}", 2.0),
        ("pet_request_duration_seconds_count{route=/predict}", 2.0),
        (predictions.as_str(), 1.0),
        ("pet_known_total{known=true}", known),
        ("pet_known_total{known=false}", unknown),
        ("pet_decode_duration_seconds_count{}", 1.0),
        ("pet_preprocess_duration_seconds_count{}", 1.0),
        ("pet_inference_duration_seconds_count{}", 1.0),
        ("pet_queue_duration_seconds_count{}", 1.0),
        ("pet_queue_depth{}", 0.0),
        ("pet_requests_in_flight{}", 1.0),
    ] {
        assert_eq!(metrics[series], expected, "{series}");
    }
    let memory = metrics["process_resident_memory_bytes{}"].as_f64().unwrap();
    assert!(memory > 1e6, "{memory}");
    let mut series = metrics.as_object().unwrap().keys();
    assert!(!series.any(|series| series.contains("/one")));
}
