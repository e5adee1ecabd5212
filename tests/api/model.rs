//! `GET /health`, `/model`, `/classes` and files; `POST /model/reload`

use std::sync::atomic::{AtomicBool, Ordering};

use pet_image::Format;
use pet_tests::{gradient, recipe, results};
use serde_json::{Value, json};

use crate::support::{Response, Service, colours, get, post};

#[test]
fn health_matches_the_original() {
    let Some(service) = Service::start() else { return };
    assert_eq!(
        get("/health").send(&service).json(),
        json!({"status": "healthy", "service": "MLOps Lab API", "version": "1.0.0"})
    );
    for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
        assert_eq!(get(path).send(&service).json()["status"], status);
    }
}

#[test]
fn page_and_documentation_have_the_title() {
    let Some(service) = Service::start() else { return };
    let page = get("/").send(&service);
    page.ok();
    assert!(page.text().contains("<title>MLOps Lab API</title>"));
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let document = get("/openapi.json").send(&service).json();
    assert_eq!(document["info"]["title"], "MLOps Lab API");
    get("/docs").send(&service).ok();
}

#[test]
fn model_is_described() {
    let Some(service) = Service::start() else { return };
    let model = get("/model").send(&service).json();
    let size = recipe().size();
    assert_eq!(model["input"]["shape"], json!([-1, 3, size, size]));
    let classes = get("/classes").send(&service).json();
    let classes = classes["classes"].as_array().unwrap();
    assert_eq!(model["classes"], classes.len());
    assert!(model["loaded_at"].as_u64().unwrap() > 1_700_000_000);
}

#[test]
fn only_listed_files_can_be_read() {
    let Some(service) = Service::start() else { return };
    let model = get("/model").send(&service).json();
    for name in model["files"].as_array().unwrap() {
        let name = name.as_str().unwrap();
        let response = get(&format!("/model/files/{name}")).send(&service);
        assert_eq!(response.ok(), fs_err::read(results().join(name)).unwrap());
        let tag = response.header("etag").unwrap();
        let again = get(&format!("/model/files/{name}")).header("If-None-Match", tag);
        let again = again.send(&service);
        assert_eq!((again.status, again.body.len()), (304, 0), "{name}");
        assert_eq!(again.header("etag"), Some(tag), "{name}");
    }
    for name in [
        "model.onnx",
        "nothing.png",
        "..%2f..%2fCargo.toml",
        "../../Cargo.toml",
        "%2fetc%2fpasswd",
        "metrics.json%00.png",
    ] {
        let response = get(&format!("/model/files/{name}")).send(&service);
        response.error(404, "not_found");
    }
}

#[test]
fn missing_file_is_not_listed() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("model.onnx");
    fs_err::copy(results().join("model.onnx"), model).unwrap();
    let Some(service) = Service::start_with(|configuration| {
        configuration.results = folder.path().into();
    }) else {
        return;
    };
    let model = get("/model").send(&service).json();
    assert!(model["files"].as_array().unwrap().is_empty(), "{model}");
    let response = get("/model/files/metrics.json").send(&service);
    response.error(404, "not_found");
}

/// Browsers ask for it when they show an image or JSON.
#[test]
fn icon_has_its_usual_path() {
    let Some(service) = Service::start() else { return };
    let icon = get("/favicon.ico").send(&service);
    assert_eq!(icon.header("content-type"), Some("image/svg+xml"));
    assert_eq!(icon.ok(), get("/assets/favicon.svg").send(&service).ok());
}

#[test]
fn documentation_redirects_from_a_trailing_slash() {
    let Some(service) = Service::start() else { return };
    let response = get("/docs/").send(&service);
    assert_eq!(response.status, 308);
    assert_eq!(response.header("location"), Some("../docs"));
}

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
        assert_eq!(classes(), json!(["red", "green", "blue"]));
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
