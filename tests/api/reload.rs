//! Another model in the place of the first.

use std::sync::atomic::{AtomicBool, Ordering};

use pet_image::Format;
use serde_json::Value;

use crate::support::{Answer, Service, colours, get, gradient, post, results};

#[test]
fn a_model_is_swapped_without_losing_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    fs_err::copy(results().join("model.onnx"), &model).unwrap();
    let name = "a_model_is_swapped_without_losing_a_request";
    let Some(service) = Service::start_with(name, |settings| {
        settings.results = folder.path().into();
        settings.admin_token = Some("secret".into());
    }) else {
        return;
    };
    let reload = || {
        let request = post("/model/reload").header("Authorization", "Bearer secret");
        request.send(service.address)
    };
    let classes = || get("/classes").send(service.address).json()["classes"].clone();
    let before = classes();

    // What is no model changes nothing.
    fs_err::write(&model, b"not a model").unwrap();
    let refusal = reload().refused(500, "internal");
    assert!(
        refusal["detail"]
            .as_str()
            .unwrap()
            .ends_with("the old model is still served")
    );
    assert_eq!(classes(), before);

    let done = AtomicBool::new(false);
    let request = post("/predict").file("x.png", &gradient(60, 60, Format::Png));
    std::thread::scope(|scope| {
        let client = || -> Vec<Answer> {
            let mut answers = Vec::new();
            while !done.load(Ordering::Relaxed) {
                answers.push(request.send(service.address));
            }
            answers
        };
        let clients = [scope.spawn(client), scope.spawn(client)];
        fs_err::write(&model, colours()).unwrap();
        assert_eq!(reload().json()["name"], "colours");
        assert_eq!(classes(), serde_json::json!(["red", "green", "blue"]));
        let after = request.send(service.address).json();
        assert_eq!(after["all_classes"].as_array().unwrap().len(), 3);
        done.store(true, Ordering::Relaxed);
        for client in clients {
            let answers = client.join().unwrap();
            for answer in &answers {
                consistent(&answer.json(), &before);
            }
        }
    });
}

/// An answer is of one model or of the other, never of both.
fn consistent(answer: &Value, before: &Value) {
    let all = answer["all_classes"].as_array().unwrap();
    assert!(all.contains(&answer["predicted_class"]));
    assert!(all.len() == 3 || answer["all_classes"] == *before);
}
