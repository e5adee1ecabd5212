//! A canary, which answers a share of the photographs.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pet_api::{Application, Configuration, Error, FeedbackFolder, Share, Successor};
use pet_image::Format;
use pet_tests::{gradient, results, runtime};
use serde_json::{Value, json};

use crate::support::{Service, coloured, colours, get, metric, post};

/// A service of version 7 with a canary of version 8, which predicts another class.
fn start(dir: &Path, percent: f64) -> Option<Service> {
    fs_err::write(dir.join("model.onnx"), colours()).unwrap();
    Service::start_with(|settings| {
        settings.results = dir.into();
        settings.canary = Some(canary(dir, percent));
        settings.feedback =
            Some(FeedbackFolder { folder: dir.join("kept"), bytes: 1 << 20, count: 100 });
    })
}

fn canary(dir: &Path, percent: f64) -> Successor {
    let folder = dir.join("next");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("model.onnx"), coloured("8", false)).unwrap();
    Successor { results: folder.into(), share: Share::from_percent(percent).unwrap() }
}

fn pictures() -> Vec<Vec<u8>> {
    (20..60).map(|side| gradient(side, 20, Format::Png)).collect()
}

fn predict(service: &Service, picture: &[u8]) -> Value {
    let request = post("/predict").file("x.png", picture);
    request.send(service).json()
}

#[test]
fn a_photograph_is_always_predicted_by_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 50.0) else { return };
    let pictures = pictures();
    let responses: Vec<_> = pictures.iter().map(|picture| predict(&service, picture)).collect();
    let canaries = responses.iter().filter(|response| response["model_version"] == "8").count();
    assert!((5..35).contains(&canaries), "{canaries}");
    let mut batch = post("/predict/batch");
    for picture in pictures.iter().take(20) {
        batch = batch.file("x.png", picture);
    }
    let batch = batch.send(&service).json();
    for (number, (picture, response)) in pictures.iter().zip(&responses).enumerate() {
        // Only version 7 is right.
        assert_eq!(response["predicted_class"] == "green", response["model_version"] == "7");
        assert_eq!(predict(&service, picture), *response);
        let corrected = post("/feedback?class=red").file("x.png", picture);
        let corrected = corrected.send(&service).json();
        assert_eq!(corrected["model_version"], response["model_version"]);
        if let Some(one) = batch["predictions"].get(number) {
            assert_eq!(one["model_version"], response["model_version"]);
            assert_eq!(one["predicted_class"], response["predicted_class"]);
        }
    }
    for (role, version, count) in [("served", 7, 40 - canaries), ("canary", 8, canaries)] {
        let labels = format!("name=\"colours\",role=\"{role}\",version=\"{version}\"");
        let answered = metric(&service, &format!("pet_model_duration_seconds_count{{{labels}}}"));
        assert!(answered as usize >= 3 * count, "{role}: {answered} of {count}");
        let failures = metric(&service, &format!("pet_model_failures_total{{{labels}}}"));
        assert_eq!(failures as usize, 0, "{role}");
        let info = format!(
            "pet_model_info{{name=\"colours\",role=\"{role}\",run_id=\"\",version=\"{version}\"}}"
        );
        assert_eq!(metric(&service, &info) as usize, 1, "{info}");
    }
    drop(service);
    // Also after a restart; a larger share contains the smaller one.
    let service = start(dir.path(), 80.0).unwrap();
    for (picture, before) in pictures.iter().zip(&responses) {
        let response = predict(&service, picture);
        assert!(response == *before || before["model_version"] == "7");
    }
}

#[test]
fn protocol_serves_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 100.0) else { return };
    let model = get("/v2/models/colours").send(&service).json();
    assert_eq!(model["versions"], json!(["7", "8"]));
    let infer = |path: &str, input: &Value| {
        let body = json!({"inputs": [input]}).to_string();
        let request = post(&format!("/v2/models/colours{path}/infer"));
        let response = request.body("application/json", body.as_bytes()).send(&service);
        response.json()["model_version"].clone()
    };
    let picture = STANDARD.encode(gradient(20, 20, Format::Png));
    let photograph = json!({"name": "input", "datatype": "BYTES", "shape": [1], "data": [picture]});
    let zeros = vec![0.0; 3 * 224 * 224];
    let tensor =
        json!({"name": "input", "datatype": "FP32", "shape": [1, 3, 224, 224], "data": zeros});
    assert_eq!(infer("", &photograph), "8");
    assert_eq!(infer("/versions/7", &photograph), "7");
    assert_eq!(infer("", &tensor), "7");
    assert_eq!(infer("/versions/8", &tensor), "8");
    assert_eq!(get("/v2/models/colours/versions/9").send(&service).status, 404);
}

#[test]
fn canary_with_other_classes_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime() else { return };
    let configuration = Configuration {
        port: 0,
        results: results().into(),
        canary: Some(canary(dir.path(), 5.0)),
        ..Configuration::default()
    };
    let refused = pet_api::block_on(async { Application::build(configuration, runtime).err() });
    let refused = refused.unwrap();
    assert!(matches!(refused, Error::Classes { role: "canary", .. }), "{refused}");
}
