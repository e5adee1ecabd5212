//! `GET /model/files/{name}`, and redirects.

use pet_tests::results;

use crate::support::{Service, get};

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
