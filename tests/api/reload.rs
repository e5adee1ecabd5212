//! `POST /model/reload`

use std::sync::atomic::{AtomicBool, Ordering};

use pet_image::Format;
use pet_tests::{gradient, results};
use serde_json::Value;

use crate::support::{Response, Service, colours, get, post};

#[test]
fn model_is_replaced_without_losing_requests() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    fs_err::copy(results().join("model.onnx"), &model).unwrap();
    let Some(service) = Service::start_with(|settings| {
        settings.results = folder.path().into();
        settings.admin_token = Some("secret".into());
    }) else {
        return;
    };
    let reload = || {
        let request = post("/model/reload").header("Authorization", "Bearer secret");
        request.send(&service)
    };
    let classes = || get("/classes").send(&service).json()["classes"].clone();
    let before = classes();

    // An invalid model changes nothing.
    fs_err::write(&model, b"not a model").unwrap();
    let error = reload().error(500, "internal");
    assert!(error["detail"].as_str().unwrap().ends_with("the old model is still served"));
    assert_eq!(classes(), before);

    let done = AtomicBool::new(false);
    let request = post("/predict").file("x.png", &gradient(60, 60, Format::Png));
    std::thread::scope(|scope| {
        let client = || -> Vec<Response> {
            let mut responses = Vec::new();
            while !done.load(Ordering::Relaxed) {
                responses.push(request.send(&service));
            }
            responses
        };
        let clients = [scope.spawn(client), scope.spawn(client)];
        fs_err::write(&model, colours()).unwrap();
        assert_eq!(reload().json()["name"], "colours");
        assert_eq!(classes(), serde_json::json!(["red", "green", "blue"]));
        let after = request.send(&service).json();
        assert_eq!(after["all_classes"].as_array().unwrap().len(), 3);
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let responses = client.join().unwrap();
            for response in &responses {
                check_consistent(&response.json(), &before);
            }
        }
    });
}

/// Checks that a prediction is of one of the two models.
fn check_consistent(response: &Value, before: &Value) {
    let all = response["all_classes"].as_array().unwrap();
    assert!(all.contains(&response["predicted_class"]));
    assert!(all.len() == 3 || response["all_classes"] == *before);
}
