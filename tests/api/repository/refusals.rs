//! What is refused: names, requests without the token, folders at the start.

use std::path::Path;

use pet_api::{Configuration, Error};
use serde_json::{Value, json};

use super::{Place, administrator, index, load, predict, refused, unload};
use crate::support::{Service, colours, get, post};

#[test]
fn no_name_leads_out_of_the_folder() {
    let place = Place::new();
    place.put("models/.hidden", &colours());
    place.put("models/a b", &colours());
    fs_err::create_dir(place.path("models/empty")).unwrap();
    fs_err::write(place.path("models/README.md"), "no model").unwrap();
    let Some(service) = place.start("no_name_leads_out_of_the_folder") else {
        return;
    };
    let listed = index(&service);
    assert_eq!(listed.as_array().unwrap().len(), 2, "{listed}");
    let long = "x".repeat(2000);
    let absolute = place.path("served").display().to_string();
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
        for answer in [load(&service, name), unload(&service, name)] {
            assert_eq!(answer.status, 404, "{name}: {}", answer.text());
            let body: Value = serde_json::from_slice(&answer.body).unwrap();
            assert!(body["error"].is_string(), "{name}: {body}");
        }
        predict(&service, &format!("?model={name}")).refused(404, "not_found");
    }
    assert_eq!(index(&service), listed);
}

#[test]
fn only_an_administrator_loads_and_lists() {
    let name = "only_an_administrator_loads_and_lists";
    let place = Place::new();
    let Some(service) = place.start(name) else {
        return;
    };
    let paths = [
        "/v2/repository/index",
        "/v2/repository/models/shapes/load",
        "/v2/repository/models/shapes/unload",
    ];
    for path in paths {
        let wrong = post(path).header("Authorization", "Bearer wrong");
        for request in [post(path), wrong] {
            refused(&request.send(service.address), 401, "unauthorized");
        }
        assert_eq!(get(path).send(service.address).status, 405);
    }
    drop(service);
    let service = Service::start_with(name, |settings| {
        place.settings(settings);
        settings.admin_token = None;
    });
    let service = service.unwrap();
    for path in paths {
        refused(&administrator(path).send(service.address), 404, "not_found");
    }
    predict(&service, "?model=shapes").ok();
}

#[test]
fn what_would_replace_a_models_files_is_refused() {
    let name = "what_would_replace_a_models_files_is_refused";
    let place = Place::new();
    let Some(service) = place.start(name) else {
        return;
    };
    let send = |action: &str, body: &str| {
        let request = administrator(&format!("/v2/repository/{action}"));
        request
            .body("application/json", body.as_bytes())
            .send(service.address)
    };
    for parameter in ["config", "file:1/model.onnx", "anything"] {
        let body = json!({"parameters": {parameter: "e30="}}).to_string();
        let refusal = refused(&send("models/shapes/load", &body), 400, "bad_parameter");
        assert!(refusal.contains(parameter), "{refusal}");
    }
    for (action, body) in [
        ("index", "{"),
        ("index", "7"),
        ("index", "{\"ready\": 1}"),
        ("models/shapes/load", "{\"parameters\": []}"),
        (
            "models/shapes/unload",
            "{\"parameters\": {\"unload_dependents\": 1}}",
        ),
    ] {
        refused(&send(action, body), 400, "bad_request");
    }
    let body = json!({"parameters": {"unload_dependents": true}}).to_string();
    send("models/shapes/unload", &body).ok();
    send("models/shapes/load", "{\"parameters\": {}}").ok();
}

#[test]
fn without_a_folder_only_the_served_model_is_listed() {
    let name = "without_a_folder_only_the_served_model_is_listed";
    let place = Place::new();
    let Some(service) = Service::start_with(name, |settings| {
        place.settings(settings);
        settings.models = None;
    }) else {
        return;
    };
    let listed = index(&service);
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    let answer = load(&service, "shapes");
    refused(&answer, 404, "not_found");
    assert_eq!(load(&service, "colours").json()["state"], "READY");
}

#[test]
fn a_folder_that_cannot_be_served_whole_is_told_at_the_start() {
    let name = "a_folder_that_cannot_be_served_whole_is_told_at_the_start";
    let place = Place::new();
    place.put("models/broken", b"not a model");
    let Some(error) = place.refused(name, |_| {}) else {
        return;
    };
    assert!(
        matches!(&error, Error::Successor { role: "named", results, .. } if results.ends_with("broken")),
        "{error}"
    );
    place.put("models/broken", &colours());
    let few = |settings: &mut Configuration| settings.models.as_mut().unwrap().max_loaded = 1;
    let error = place.refused(name, few).unwrap();
    assert!(
        matches!(
            error,
            Error::ModelCount {
                count: 2,
                max: 1,
                ..
            }
        ),
        "{error}"
    );
    place.put("models/colours", &colours());
    let error = place.refused(name, |_| {}).unwrap();
    assert!(matches!(error, Error::SameName { .. }), "{error}");
    let moved = |settings: &mut Configuration| {
        settings.models.as_mut().unwrap().folder = Path::new("nowhere").into();
    };
    let error = place.refused(name, moved).unwrap();
    assert!(matches!(error, Error::ModelFolder { .. }), "{error}");
}
