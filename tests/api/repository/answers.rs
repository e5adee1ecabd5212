//! Which model answers.

use std::io::Write as _;
use std::net::TcpStream;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pet_api::FeedbackFolder;
use pet_image::Format;
use serde_json::json;

use super::{Place, SHAPES, predict, refused, unload};
use crate::support::{Service, coloured, get, gradient, metric, post, read, results, wait_until};

#[test]
fn models_of_other_classes_answer_by_their_names() {
    let name = "models_of_other_classes_answer_by_their_names";
    let place = Place::new();
    let committed = fs_err::read(results().join("model.onnx")).unwrap();
    place.put("models/breeds", &committed);
    fs_err::write(
        place.path("models/breeds/metrics.json"),
        "{\"of\": \"breeds\"}",
    )
    .unwrap();
    let Some(service) = place.start(name) else {
        return;
    };
    assert_eq!(predict(&service, "").json()["predicted_class"], "green");
    let shape = predict(&service, "?model=shapes&top_k=1").json();
    assert_eq!(shape["all_classes"], json!(SHAPES));
    assert_eq!(shape["predicted_class"], "square");
    let served = predict(&service, "?model=colours").json();
    assert_eq!(served["predicted_class"], "green");

    let picture = gradient(60, 40, Format::Png);
    let batch = post("/predict/batch?model=shapes").file("x.png", &picture);
    let batch = batch.send(service.address).json();
    assert_eq!(batch["predictions"][0]["predicted_class"], "square");
    let explain = post("/explain?model=breeds").file("x.png", &picture);
    let explained = explain.send(service.address).json();
    let classes = get("/classes?model=breeds").send(service.address).json();
    let classes = classes["classes"].as_array().unwrap().clone();
    assert!(classes.contains(&explained["class"]) && classes.len() > 4);

    let model = get("/model?model=breeds").send(service.address).json();
    assert_eq!(model["name"], "breeds");
    assert_eq!(model["files"], json!(["metrics.json"]));
    let file = get("/model/files/metrics.json?model=breeds").send(service.address);
    assert_eq!(file.json(), json!({"of": "breeds"}));
    assert_eq!(
        get("/model").send(service.address).json()["name"],
        "colours"
    );

    let metadata = get("/v2/models/shapes").send(service.address).json();
    assert_eq!(metadata["outputs"][0]["shape"], json!([-1, 4]));
    assert_eq!(metadata["versions"], json!(["7"]));
    get("/v2/models/shapes/versions/7/ready")
        .send(service.address)
        .ok();
    let photograph = json!({"inputs": [{"name": "input", "datatype": "BYTES", "shape": [1],
        "data": [STANDARD.encode(&picture)]}]});
    let infer = post("/v2/models/shapes/infer");
    let infer = infer.body("application/json", photograph.to_string().as_bytes());
    let inferred = infer.send(service.address).json();
    assert_eq!(inferred["model_name"], "shapes");
    assert_eq!(inferred["outputs"][1]["data"], json!(["square"]));
}

#[test]
fn a_name_that_nobody_has_is_told_with_those_that_there_are() {
    let name = "a_name_that_nobody_has_is_told_with_those_that_there_are";
    let place = Place::new();
    let Some(service) = place.start(name) else {
        return;
    };
    for request in [
        post("/predict?model=cats"),
        post("/predict/batch?model=cats"),
        post("/explain?model=cats"),
        get("/model?model=cats"),
        get("/classes?model=cats"),
        get("/model/files/metrics.json?model=cats"),
    ] {
        let refusal = request.send(service.address).refused(404, "not_found");
        assert_eq!(refusal["detail"], "there is no model `cats`");
        assert_eq!(refusal["hint"], "the models are `colours`, `shapes`");
    }
    for path in ["", "/ready", "/versions/7"] {
        let answer = get(&format!("/v2/models/cats{path}")).send(service.address);
        refused(&answer, 404, "not_found");
    }
    let corrected = post("/feedback?class=green&model=shapes");
    let corrected = corrected.file("x.png", &gradient(9, 9, Format::Png));
    // Corrections are not kept at all.
    corrected.send(service.address).refused(404, "not_found");
}

#[test]
fn corrections_are_of_the_served_model_only() {
    let name = "corrections_are_of_the_served_model_only";
    let place = Place::new();
    place.put("models/others", &coloured("8", false));
    let Some(service) = Service::start_with(name, |settings| {
        place.settings(settings);
        settings.feedback = Some(FeedbackFolder {
            folder: place.path("kept"),
            bytes: 1 << 20,
            count: 10,
        });
    }) else {
        return;
    };
    let correct = |query: &str| {
        let request = post(&format!("/feedback?class=green{query}"));
        let request = request.file("x.png", &gradient(9, 9, Format::Png));
        request.send(service.address)
    };
    let refusal = correct("&model=others").refused(400, "bad_parameter");
    assert!(refusal["detail"].as_str().unwrap().contains("`colours`"));
    assert_eq!(correct("&model=colours").json()["correct"], true);
    let told = |query: &str| {
        let model = get(&format!("/model{query}")).send(service.address);
        model.json()["feedback"].clone()
    };
    assert_eq!(
        (told(""), told("?model=others")),
        (json!(true), json!(false))
    );
}

#[test]
fn metrics_tell_the_models_apart() {
    let place = Place::new();
    let Some(service) = place.start("metrics_tell_the_models_apart") else {
        return;
    };
    let series = |name: &str| format!("{name}{{name=\"shapes\",role=\"named\",version=\"7\"}}");
    let seconds = series("pet_model_duration_seconds_count");
    let text = || get("/metrics").send(service.address).text();
    assert!(text().contains(&format!("{seconds} 0")), "{}", text());
    let info = "pet_model_info{name=\"shapes\",role=\"named\",run_id=\"\",version=\"7\"} 1";
    assert!(text().contains(info), "{}", text());
    let tensor = vec![0.0; 3 * 224 * 224];
    let tensor = json!({"inputs": [{"name": "input", "datatype": "FP32",
        "shape": [1, 3, 224, 224], "data": tensor}]});
    let infer = post("/v2/models/shapes/infer");
    let infer = infer.body("application/json", tensor.to_string().as_bytes());
    infer.send(service.address).ok();
    predict(&service, "?model=shapes").ok();
    predict(&service, "").ok();
    assert_eq!(metric(&service, &seconds) as u64, 1);
    assert_eq!(
        metric(&service, "pet_inference_duration_seconds_count") as u64,
        3
    );
    // Classes are those of the served model.
    assert!(!text().contains("class=\"square\""), "{}", text());
    assert_eq!(
        metric(&service, "pet_predictions_total{class=\"green\"}") as u64,
        1
    );
    unload(&service, "shapes").ok();
    assert!(!text().contains("shapes"), "{}", text());
}

#[test]
fn a_request_keeps_the_model_that_it_began_with() {
    let name = "a_request_keeps_the_model_that_it_began_with";
    let place = Place::new();
    let Some(service) = place.start(name) else {
        return;
    };
    let request = post("/predict?model=shapes").file("x.png", &gradient(60, 40, Format::Png));
    let bytes = request.bytes();
    let (head, rest) = bytes.split_at(bytes.len() - 100);
    let mut stream = TcpStream::connect(service.address).unwrap();
    stream.write_all(head).unwrap();
    // The head has been read when it is counted.
    wait_until("the request is there", || {
        metric(&service, "pet_requests_in_flight") as u64 == 2
    });
    unload(&service, "shapes").ok();
    stream.write_all(rest).unwrap();
    let answer = read(stream).json();
    assert_eq!(answer["predicted_class"], "square");
}
