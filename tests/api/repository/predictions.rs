//! Which model is used.

use std::io::Write as _;
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pet_api::FeedbackFolder;
use pet_image::Format;
use pet_tests::{gradient, results};
use serde_json::json;

use super::{SHAPES, TestDir, predict, protocol_error, unload};
use crate::support::{Service, coloured, get, metric, post, read, wait_until};

#[test]
fn models_with_other_classes_are_used_by_name() {
    let dir = TestDir::new();
    let committed = fs_err::read(results().join("model.onnx")).unwrap();
    dir.put("models/breeds", &committed);
    fs_err::write(dir.path("models/breeds/metrics.json"), "{\"of\": \"breeds\"}").unwrap();
    let Some(service) = dir.start() else { return };
    assert_eq!(predict(&service, "").json()["predicted_class"], "green");
    let shape = predict(&service, "?model=shapes&top_k=1").json();
    assert_eq!(shape["all_classes"], json!(SHAPES));
    assert_eq!(shape["predicted_class"], "square");
    let served = predict(&service, "?model=colours").json();
    assert_eq!(served["predicted_class"], "green");

    let picture = gradient(60, 40, Format::Png);
    let batch = post("/predict/batch?model=shapes").file("x.png", &picture);
    let batch = batch.send(&service).json();
    assert_eq!(batch["predictions"][0]["predicted_class"], "square");
    let explain = post("/explain?model=breeds").file("x.png", &picture);
    let explained = explain.send(&service).json();
    let classes = get("/classes?model=breeds").send(&service).json();
    let classes = classes["classes"].as_array().unwrap().clone();
    assert!(classes.contains(&explained["class"]) && classes.len() > 4);

    let model = get("/model?model=breeds").send(&service).json();
    assert_eq!(model["name"], "breeds");
    assert_eq!(model["files"], json!(["metrics.json"]));
    let file = get("/model/files/metrics.json?model=breeds").send(&service);
    assert_eq!(file.json(), json!({"of": "breeds"}));
    assert_eq!(get("/model").send(&service).json()["name"], "colours");

    let metadata = get("/v2/models/shapes").send(&service).json();
    assert_eq!(metadata["outputs"][0]["shape"], json!([-1, 4]));
    assert_eq!(metadata["versions"], json!(["7"]));
    get("/v2/models/shapes/versions/7/ready").send(&service).ok();
    let photograph = json!({"inputs": [{"name": "input", "datatype": "BYTES", "shape": [1],
        "data": [STANDARD.encode(&picture)]}]});
    let infer = post("/v2/models/shapes/infer");
    let infer = infer.body("application/json", photograph.to_string().as_bytes());
    let inferred = infer.send(&service).json();
    assert_eq!(inferred["model_name"], "shapes");
    assert_eq!(inferred["outputs"][1]["data"], json!(["square"]));
}

#[test]
fn unknown_name_lists_the_known_ones() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    for request in [
        post("/predict?model=cats"),
        post("/predict/batch?model=cats"),
        post("/explain?model=cats"),
        get("/model?model=cats"),
        get("/classes?model=cats"),
        get("/model/files/metrics.json?model=cats"),
    ] {
        let error = request.send(&service).error(404, "not_found");
        assert_eq!(error["detail"], "model `cats` does not exist");
        assert_eq!(error["hint"], "the models are `colours`, `shapes`");
    }
    for path in ["", "/ready", "/versions/7"] {
        let response = get(&format!("/v2/models/cats{path}")).send(&service);
        protocol_error(&response, 404, "not_found");
    }
    let corrected = post("/feedback?class=green&model=shapes");
    let corrected = corrected.file("x.png", &gradient(9, 9, Format::Png));
    // The service stores no corrections.
    corrected.send(&service).error(404, "not_found");
}

#[test]
fn only_the_served_model_can_be_corrected() {
    let dir = TestDir::new();
    dir.put("models/others", &coloured("8", false));
    let Some(service) = Service::start_with(|settings| {
        dir.settings(settings);
        settings.feedback =
            Some(FeedbackFolder { folder: dir.path("kept"), bytes: 1 << 20, count: 10 });
    }) else {
        return;
    };
    let correct = |query: &str| {
        let request = post(&format!("/feedback?class=green{query}"));
        let request = request.file("x.png", &gradient(9, 9, Format::Png));
        request.send(&service)
    };
    let error = correct("&model=others").error(400, "bad_parameter");
    assert!(error["detail"].as_str().unwrap().contains("`colours`"));
    assert_eq!(correct("&model=colours").json()["correct"], true);
    let told = |query: &str| {
        let model = get(&format!("/model{query}")).send(&service);
        model.json()["feedback"].clone()
    };
    assert_eq!((told(""), told("?model=others")), (json!(true), json!(false)));
}

#[test]
fn metrics_are_separate_for_each_model() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    let series = |name: &str| format!("{name}{{name=\"shapes\",role=\"named\",version=\"7\"}}");
    let seconds = series("pet_model_duration_seconds_count");
    let text = || get("/metrics").send(&service).text();
    assert!(text().contains(&format!("{seconds} 0")), "{}", text());
    let info = "pet_model_info{name=\"shapes\",role=\"named\",run_id=\"\",version=\"7\"} 1";
    assert!(text().contains(info), "{}", text());
    let tensor = vec![0.0; 3 * 224 * 224];
    let tensor = json!({"inputs": [{"name": "input", "datatype": "FP32",
        "shape": [1, 3, 224, 224], "data": tensor}]});
    let infer = post("/v2/models/shapes/infer");
    let infer = infer.body("application/json", tensor.to_string().as_bytes());
    infer.send(&service).ok();
    predict(&service, "?model=shapes").ok();
    predict(&service, "").ok();
    assert_eq!(metric(&service, &seconds) as u64, 1);
    assert_eq!(metric(&service, "pet_inference_duration_seconds_count") as u64, 3);
    // Only the classes of the served model are counted.
    assert!(!text().contains("class=\"square\""), "{}", text());
    assert_eq!(metric(&service, "pet_predictions_total{class=\"green\"}") as u64, 1);
    unload(&service, "shapes").ok();
    assert!(!text().contains("shapes"), "{}", text());
}

#[test]
fn request_keeps_the_model_that_it_started_with() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    let request = post("/predict?model=shapes").file("x.png", &gradient(60, 40, Format::Png));
    let bytes = request.bytes();
    let (head, rest) = bytes.split_at(bytes.len() - 100);
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head).unwrap();
    // The request is counted when its head has been read.
    wait_until("the request is in flight", || {
        metric(&service, "pet_requests_in_flight") as u64 == 2
    });
    unload(&service, "shapes").ok();
    stream.write_all(rest).unwrap();
    let response = read(stream).json();
    assert_eq!(response["predicted_class"], "square");
}
