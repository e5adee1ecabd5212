//! `GET /health`, `/`, `/model` and `/classes`

use serde_json::json;

use crate::support::{Service, get};

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
    assert_eq!(model["input"]["shape"], json!([-1, 3, 224, 224]));
    let classes = get("/classes").send(&service).json();
    let classes = classes["classes"].as_array().unwrap();
    assert_eq!(model["classes"], classes.len());
    assert!(model["loaded_at"].as_u64().unwrap() > 1_700_000_000);
}
