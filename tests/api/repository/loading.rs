//! Loading, unloading and replacing of models.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};

use pet_api::{Share, Successor};
use serde_json::json;

use super::{TestDir, admin, index, load, predict, protocol_error, unload};
use crate::support::{Service, coloured, colours, colours_called, colours_that_say, get, metric};

#[test]
fn models_are_unloaded_loaded_and_added() {
    let dir = TestDir::new();
    let Some(service) = dir.start() else { return };
    let ready = |name: &str| json!({"name": name, "version": "7", "state": "READY", "reason": ""});
    let gone =
        |name: &str| json!({"name": name, "state": "UNAVAILABLE", "reason": "it is not loaded"});
    assert_eq!(index(&service), json!([ready("colours"), ready("shapes")]));
    assert_eq!(unload(&service, "shapes").json(), gone("shapes"));
    assert_eq!(index(&service), json!([ready("colours"), gone("shapes")]));
    let error = predict(&service, "?model=shapes").error(404, "not_found");
    assert_eq!(error["detail"], "model `shapes` is not loaded");
    let hint = error["hint"].as_str().unwrap();
    assert!(hint.contains("/v2/repository/models/shapes/load"), "{hint}");
    assert_eq!(get("/v2/models/shapes/ready").send(&service).status, 404);
    let only_ready = admin("/v2/repository/index");
    let only_ready = only_ready.body("application/json", b"{\"ready\": true}");
    assert_eq!(only_ready.send(&service).json(), json!([ready("colours")]));
    // Idempotent.
    assert_eq!(unload(&service, "shapes").json(), gone("shapes"));

    assert_eq!(load(&service, "shapes").json(), ready("shapes"));
    predict(&service, "?model=shapes").ok();
    dir.put("models/new", &colours_called(&["one", "two"]));
    assert_eq!(index(&service), json!([ready("colours"), gone("new"), ready("shapes")]));
    assert_eq!(load(&service, "new").json(), ready("new"));
    assert_eq!(predict(&service, "?model=new").json()["all_classes"], json!(["one", "two"]));

    // One more than at startup may be loaded; reloading one is always allowed.
    dir.put("models/more", &colours());
    let full = protocol_error(&load(&service, "more"), 507, "full");
    assert!(full.contains("`2`"), "{full}");
    load(&service, "shapes").ok();
    unload(&service, "shapes").ok();
    load(&service, "more").ok();
}

#[test]
fn served_model_is_reloaded_and_never_unloaded() {
    let dir = TestDir::new();
    dir.put("next", &coloured("8", true));
    let Some(service) = Service::start_with(|settings| {
        dir.settings(settings);
        settings.canary = Some(Successor {
            results: dir.path("next").into(),
            share: Share::from_percent(50.0).unwrap(),
        });
    }) else {
        return;
    };
    let versions = || {
        let index = index(&service);
        let entries = index.as_array().unwrap().iter();
        let served = entries.filter(|entry| entry["name"] == "colours");
        served.map(|entry| entry["version"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(versions(), ["7", "8"]);
    let error = protocol_error(&unload(&service, "colours"), 400, "bad_parameter");
    assert!(error.contains("cannot be unloaded"), "{error}");
    dir.put("served", &coloured("9", true));
    assert_eq!(load(&service, "colours").json()["version"], "9");
    assert_eq!(versions(), ["9", "8"]);
    dir.put("served", b"not a model");
    protocol_error(&load(&service, "colours"), 500, "internal");
    assert_eq!(versions(), ["9", "8"]);
}

#[test]
fn replaced_model_is_reloaded_and_broken_one_is_kept() {
    let dir = TestDir::new();
    dir.put("models/unloaded", &colours());
    let Some(service) = dir.start() else { return };
    let version = || {
        let response = predict(&service, "?model=shapes&top_k=1");
        response.json()["model_version"].clone()
    };
    let reason = |name: &str| {
        let index = index(&service);
        let mut entries = index.as_array().unwrap().iter();
        entries.find(|entry| entry["name"] == name).unwrap()["reason"].clone()
    };
    let reload = || admin("/model/reload").send(&service);
    unload(&service, "unloaded").ok();
    dir.put("models/shapes", &coloured("8", true));
    assert_eq!(version(), "7");
    assert_eq!(load(&service, "shapes").json()["version"], "8");
    assert_eq!(version(), "8");

    dir.put("models/shapes", b"not a model");
    let error = protocol_error(&load(&service, "shapes"), 500, "internal");
    assert!(error.contains("shapes"), "{error}");
    assert_eq!(version(), "8");
    let told = reason("shapes");
    assert!(told.as_str().unwrap().contains("shapes"), "{told}");
    dir.put("models/unloaded", b"not a model");
    protocol_error(&load(&service, "unloaded"), 500, "internal");
    let told = reason("unloaded");
    assert!(told.as_str().unwrap().contains("unloaded"), "{told}");

    // Every loaded model is reloaded, and no other.
    let error = reload().error(500, "internal");
    assert!(error["detail"].as_str().unwrap().contains("shapes"), "{error}");
    dir.put("models/shapes", &coloured("9", true));
    dir.put("served", &coloured("10", true));
    reload().ok();
    assert_eq!((version(), reason("shapes")), (json!("9"), json!("")));
    assert_eq!(get("/model").send(&service).json()["version"], "10");
    get("/model?model=unloaded").send(&service).error(404, "not_found");

    // The served model cannot have the name of another.
    dir.put("models/colours", &colours());
    unload(&service, "shapes").ok();
    dir.put("served", &renamed());
    reload().ok();
    load(&service, "colours").ok();
    dir.put("served", &colours());
    let error = reload().error(500, "internal");
    assert!(error["detail"].as_str().unwrap().contains("same name as the served model"), "{error}");
}

fn renamed() -> Vec<u8> {
    colours_that_say(|mut metadata| {
        metadata.model_name = "renamed".into();
        metadata
    })
}

#[test]
fn requests_are_answered_while_models_are_loaded_and_unloaded() {
    let dir = TestDir::new();
    let Some(service) = Service::start_with(|settings| {
        dir.settings(settings);
        settings.workers = NonZero::new(2).unwrap();
    }) else {
        return;
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = |query: &'static str| {
            let (done, service) = (&done, &service);
            move || {
                let mut responses = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    responses.push(predict(service, query));
                }
                responses
            }
        };
        let named = [scope.spawn(ask("?model=shapes")), scope.spawn(ask("?model=shapes"))];
        let served = scope.spawn(ask(""));
        for version in 0..10 {
            dir.put("models/shapes", &coloured(&version.to_string(), true));
            load(&service, "shapes").ok();
            load(&service, "shapes").ok();
            unload(&service, "shapes").ok();
        }
        done.store(true, Ordering::Relaxed);
        for response in served.join().unwrap() {
            assert_eq!(response.json()["predicted_class"], "green");
        }
        let responses = named.into_iter().flat_map(|client| client.join().unwrap());
        for response in responses {
            match response.status {
                200 => drop(response.json()),
                _ => drop(response.error(404, "not_found")),
            }
        }
    });
    assert_eq!(metric(&service, "pet_model_failures_total{name=\"colours\"") as u64, 0);
}
