//! Errors: invalid names, requests without the token, models that cannot be loaded at startup.

use std::path::Path;

use pet_api::{Configuration, Error};
use serde_json::{Value, json};

use super::{TestDir, admin, index, load, predict, protocol_error, unload};
use crate::support::{Service, colours, get, post};

#[test]
fn names_cannot_leave_the_folder() {
    let dir = TestDir::new();
    dir.put("models/.hidden", &colours());
    dir.put("models/a b", &colours());
    fs_err::create_dir(dir.path("models/empty")).unwrap();
    fs_err::write(dir.path("models/README.md"), "no model").unwrap();
    let Some(service) = dir.start() else { return };
    let listed = index(&service);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let long = "x".repeat(2000);
    let absolute = dir.path("served").display().to_string();
    let absolute = absolute.replace('/', "%2F");
    for name in [
        "..%2Fserved",
        "..%2fserved",
        "%2e%2e%2fserved",
        "shapes%2F..%2F..%2Fserved",
        "..%5Cserved",
        "..",
        "%2e%2e",
        ".",
        "%2e",
        ".hidden",
        "a%20b",
        "empty",
        "README.md",
        "shapes%00",
        "shapes%0a",
        "shapes%2F",
        "SHAPES",
        "%ff%fe",
        &absolute,
        &long,
    ] {
        for response in [load(&service, name), unload(&service, name)] {
            assert_eq!(response.status, 404, "{name}: {}", response.text());
            let body: Value = serde_json::from_slice(&response.body).unwrap();
            assert!(body["error"].is_string(), "{name}: {body}");
        }
        let error = predict(&service, &format!("?model={name}")).error(404, "not_found");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.ends_with("does not exist"), "{detail}");
    }
    assert_eq!(index(&service), listed);
}

#[test]
fn repository_requires_the_token() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    let paths = [
        "/v2/repository/index",
        "/v2/repository/models/shapes/load",
        "/v2/repository/models/shapes/unload",
    ];
    for path in paths {
        let wrong = post(path).header("Authorization", "Bearer wrong");
        for request in [post(path), wrong] {
            protocol_error(&request.send(&service), 401, "unauthorized");
        }
        assert_eq!(get(path).send(&service).status, 405);
    }
    drop(service);
    let service = Service::start_with(|settings| {
        dir.settings(settings);
        settings.admin_token = None;
    });
    let service = service.unwrap();
    for path in paths {
        protocol_error(&admin(path).send(&service), 404, "not_found");
    }
    predict(&service, "?model=shapes").ok();
}

#[test]
fn load_parameters_are_rejected() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    let send = |action: &str, body: &str| {
        let request = admin(&format!("/v2/repository/{action}"));
        request.body("application/json", body.as_bytes()).send(&service)
    };
    for parameter in ["config", "file:1/model.onnx", "anything"] {
        let body = json!({"parameters": {parameter: "e30="}}).to_string();
        let error = protocol_error(&send("models/shapes/load", &body), 400, "bad_parameter");
        assert!(error.contains(parameter), "{error}");
    }
    for (action, body) in [
        ("index", "{"),
        ("index", "7"),
        ("index", "{\"ready\": 1}"),
        ("models/shapes/load", "{\"parameters\": []}"),
        ("models/shapes/unload", "{\"parameters\": {\"unload_dependents\": 1}}"),
    ] {
        protocol_error(&send(action, body), 400, "bad_request");
    }
    let body = json!({"parameters": {"unload_dependents": true}}).to_string();
    send("models/shapes/unload", &body).ok();
    send("models/shapes/load", "{\"parameters\": {}}").ok();
}

#[test]
fn only_the_served_model_is_listed_without_a_folder() {
    let dir = TestDir::new();
    let Some(service) = Service::start_with(|settings| {
        dir.settings(settings);
        settings.models = None;
    }) else {
        return;
    };
    let listed = index(&service);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let response = load(&service, "shapes");
    protocol_error(&response, 404, "not_found");
    assert_eq!(load(&service, "colours").json()["state"], "READY");
}

#[test]
fn startup_fails_if_a_model_cannot_be_loaded() {
    let dir = TestDir::new();
    dir.put("models/broken", b"not a model");
    let Some(error) = dir.startup_error(|_| {}) else { return };
    assert!(
        matches!(&error, Error::Successor { role: "named", results, .. } if results.ends_with("broken")),
        "{error}"
    );
    dir.put("models/broken", &colours());
    let few = |settings: &mut Configuration| settings.models.as_mut().unwrap().max_loaded = 1;
    let error = dir.startup_error(few).unwrap();
    assert!(matches!(error, Error::ModelCount { count: 2, max: 1, .. }), "{error}");
    dir.put("models/colours", &colours());
    let error = dir.startup_error(|_| {}).unwrap();
    assert!(matches!(error, Error::SameName { .. }), "{error}");
    let moved = |settings: &mut Configuration| {
        settings.models.as_mut().unwrap().folder = Path::new("nowhere").into();
    };
    let error = dir.startup_error(moved).unwrap();
    assert_eq!(error.to_string(), "cannot read the folder of models");
}
