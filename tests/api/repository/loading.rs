//! Models that come, go and are replaced.

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};

use pet_api::{Share, Successor};
use serde_json::json;

use super::{Place, administrator, index, load, predict, refused, unload};
use crate::support::{Service, coloured, colours, colours_called, colours_that_say, get, metric};

#[test]
fn a_model_is_unloaded_and_loaded_and_one_is_added() {
    let name = "a_model_is_unloaded_and_loaded_and_one_is_added";
    let place = Place::new();
    let Some(service) = place.start(name) else {
        return;
    };
    let ready = |name: &str| json!({"name": name, "version": "7", "state": "READY", "reason": ""});
    let gone =
        |name: &str| json!({"name": name, "state": "UNAVAILABLE", "reason": "it is not loaded"});
    assert_eq!(index(&service), json!([ready("colours"), ready("shapes")]));
    assert_eq!(unload(&service, "shapes").json(), gone("shapes"));
    assert_eq!(index(&service), json!([ready("colours"), gone("shapes")]));
    predict(&service, "?model=shapes").refused(404, "not_found");
    assert_eq!(
        get("/v2/models/shapes/ready").send(service.address).status,
        404
    );
    let only_ready = administrator("/v2/repository/index");
    let only_ready = only_ready.body("application/json", b"{\"ready\": true}");
    assert_eq!(
        only_ready.send(service.address).json(),
        json!([ready("colours")])
    );
    // As good as done.
    assert_eq!(unload(&service, "shapes").json(), gone("shapes"));

    assert_eq!(load(&service, "shapes").json(), ready("shapes"));
    predict(&service, "?model=shapes").ok();
    place.put("models/new", &colours_called(&["one", "two"]));
    assert_eq!(
        index(&service),
        json!([ready("colours"), gone("new"), ready("shapes")])
    );
    assert_eq!(load(&service, "new").json(), ready("new"));
    assert_eq!(
        predict(&service, "?model=new").json()["all_classes"],
        json!(["one", "two"])
    );

    // There is room for one more than at the start; loading one again takes none.
    place.put("models/more", &colours());
    let full = refused(&load(&service, "more"), 507, "full");
    assert!(full.contains("`2`"), "{full}");
    load(&service, "shapes").ok();
    unload(&service, "shapes").ok();
    load(&service, "more").ok();
}

#[test]
fn the_served_model_is_loaded_again_and_never_unloaded() {
    let name = "the_served_model_is_loaded_again_and_never_unloaded";
    let place = Place::new();
    place.put("next", &coloured("8", true));
    let Some(service) = Service::start_with(name, |settings| {
        place.settings(settings);
        settings.canary = Some(Successor {
            results: place.path("next").into(),
            share: Share::from_percent(50.0).unwrap(),
        });
    }) else {
        return;
    };
    let versions = || {
        let index = index(&service);
        let entries = index.as_array().unwrap().iter();
        let served = entries.filter(|entry| entry["name"] == "colours");
        served
            .map(|entry| entry["version"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(versions(), ["7", "8"]);
    let refusal = refused(&unload(&service, "colours"), 400, "bad_parameter");
    assert!(refusal.contains("cannot be unloaded"), "{refusal}");
    place.put("served", &coloured("9", true));
    assert_eq!(load(&service, "colours").json()["version"], "9");
    assert_eq!(versions(), ["9", "8"]);
    place.put("served", b"not a model");
    refused(&load(&service, "colours"), 500, "internal");
    assert_eq!(versions(), ["9", "8"]);
}

#[test]
fn a_model_that_was_replaced_is_loaded_anew_and_a_broken_one_is_not() {
    let name = "a_model_that_was_replaced_is_loaded_anew_and_a_broken_one_is_not";
    let place = Place::new();
    place.put("models/unloaded", &colours());
    let Some(service) = place.start(name) else {
        return;
    };
    let version = || {
        let answer = predict(&service, "?model=shapes&top_k=1");
        answer.json()["model_version"].clone()
    };
    let reason = |name: &str| {
        let index = index(&service);
        let mut entries = index.as_array().unwrap().iter();
        entries.find(|entry| entry["name"] == name).unwrap()["reason"].clone()
    };
    let reload = || administrator("/model/reload").send(service.address);
    unload(&service, "unloaded").ok();
    place.put("models/shapes", &coloured("8", true));
    assert_eq!(version(), "7");
    assert_eq!(load(&service, "shapes").json()["version"], "8");
    assert_eq!(version(), "8");

    place.put("models/shapes", b"not a model");
    let refusal = refused(&load(&service, "shapes"), 500, "internal");
    assert!(refusal.contains("shapes"), "{refusal}");
    assert_eq!(version(), "8");
    let told = reason("shapes");
    assert!(told.as_str().unwrap().contains("shapes"), "{told}");
    place.put("models/unloaded", b"not a model");
    refused(&load(&service, "unloaded"), 500, "internal");
    let told = reason("unloaded");
    assert!(told.as_str().unwrap().contains("unloaded"), "{told}");

    // Reloading takes every model that is loaded, and none that is not.
    let refusal = reload().refused(500, "internal");
    assert!(
        refusal["detail"].as_str().unwrap().contains("shapes"),
        "{refusal}"
    );
    place.put("models/shapes", &coloured("9", true));
    place.put("served", &coloured("10", true));
    reload().ok();
    assert_eq!((version(), reason("shapes")), (json!("9"), json!("")));
    assert_eq!(get("/model").send(service.address).json()["version"], "10");
    get("/model?model=unloaded")
        .send(service.address)
        .refused(404, "not_found");

    // A served model does not take the name of another.
    place.put("models/colours", &colours());
    unload(&service, "shapes").ok();
    place.put("served", &renamed());
    reload().ok();
    load(&service, "colours").ok();
    place.put("served", &colours());
    let refusal = reload().refused(500, "internal");
    assert!(
        refusal["detail"]
            .as_str()
            .unwrap()
            .contains("the name of the served model"),
        "{refusal}"
    );
}

/// A model of another name.
fn renamed() -> Vec<u8> {
    colours_that_say(|mut metadata| {
        metadata.model_name = "renamed".into();
        metadata
    })
}

#[test]
fn requests_are_answered_while_a_model_comes_and_goes() {
    let name = "requests_are_answered_while_a_model_comes_and_goes";
    let place = Place::new();
    let Some(service) = Service::start_with(name, |settings| {
        place.settings(settings);
        settings.workers = NonZero::new(2).unwrap();
    }) else {
        return;
    };
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let ask = |query: &'static str| {
            let (done, service) = (&done, &service);
            move || {
                let mut answers = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    answers.push(predict(service, query));
                }
                answers
            }
        };
        let named = [
            scope.spawn(ask("?model=shapes")),
            scope.spawn(ask("?model=shapes")),
        ];
        let served = scope.spawn(ask(""));
        for version in 0..10 {
            place.put("models/shapes", &coloured(&version.to_string(), true));
            load(&service, "shapes").ok();
            load(&service, "shapes").ok();
            unload(&service, "shapes").ok();
        }
        done.store(true, Ordering::Relaxed);
        for answer in served.join().unwrap() {
            assert_eq!(answer.json()["predicted_class"], "green");
        }
        let answers = named.into_iter().flat_map(|client| client.join().unwrap());
        for answer in answers {
            match answer.status {
                200 => drop(answer.json()),
                _ => drop(answer.refused(404, "not_found")),
            }
        }
    });
    assert_eq!(
        metric(&service, "pet_model_failures_total{name=\"colours\"") as u64,
        0
    );
}
