//! A shadow, whose predictions are only compared.

use pet_api::{Application, Configuration, Error, Share, Successor};
use pet_image::Format;
use pet_tests::{gradient, results, runtime};
use std::path::Path;

use crate::support::{Service, coloured, colours, get, metric, post, wait_until};

/// A model of version 8 that predicts the same classes as version 7, or others.
fn successor(dir: &Path, agrees: bool) -> Successor {
    let folder = dir.join("next");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("model.onnx"), coloured("8", agrees)).unwrap();
    Successor { results: folder.into(), share: Share::ALL }
}

fn start(dir: &Path, change: impl FnOnce(&mut Configuration)) -> Option<Service> {
    fs_err::write(dir.join("model.onnx"), colours()).unwrap();
    Service::start_with(|settings| {
        settings.results = dir.into();
        settings.admin_token = Some("secret".into());
        change(settings);
    })
}

fn count(service: &Service, series: &str) -> u64 {
    metric(service, series) as u64
}

fn shadowed(service: &Service, version: &str, outcome: &str) -> u64 {
    let labels = format!("outcome=\"{outcome}\",version=\"{version}\"");
    count(service, &format!("pet_shadow_total{{{labels}}}"))
}

#[test]
fn shadow_is_compared_and_does_not_change_predictions() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), |settings| {
        settings.shadow = Some(successor(dir.path(), true));
    }) else {
        return;
    };
    let request = post("/predict?top_k=1").file("x.png", &gradient(60, 40, Format::Png));
    let send = || {
        let response = request.send(&service).json();
        assert_eq!(response["model_version"], "7");
        assert_eq!(response["predicted_class"], "green");
    };
    send();
    wait_until("the shadow agrees", || shadowed(&service, "8", "agreed") == 1);
    let differences = "pet_shadow_confidence_difference_count{version=\"8\"}";
    assert_eq!(count(&service, differences), 1);
    for role in [
        "name=\"colours\",role=\"served\",version=\"7\"",
        "name=\"colours\",role=\"shadow\",version=\"8\"",
    ] {
        let seconds = format!("pet_model_duration_seconds_count{{{role}}}");
        assert_eq!(count(&service, &seconds), 1, "{role}");
    }
    let text = get("/metrics").send(&service).text();
    assert!(text.contains("pet_predictions_total{class=\"green\"} 1"), "{text}");

    // Reloading the model reloads its shadow.
    successor(dir.path(), false);
    let reload = post("/model/reload").header("Authorization", "Bearer secret");
    reload.send(&service).ok();
    send();
    wait_until("the shadow differs", || shadowed(&service, "8", "differed") == 1);
}

#[test]
fn shadow_gets_its_share() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), |settings| {
        settings.shadow = Some(Successor {
            share: Share::from_percent(25.0).unwrap(),
            ..successor(dir.path(), true)
        });
    }) else {
        return;
    };
    let picture = gradient(60, 40, Format::Png);
    for _ in 0..8 {
        post("/predict").file("x.png", &picture).send(&service).ok();
    }
    let all = || {
        ["agreed", "differed", "dropped", "failed"].map(|outcome| shadowed(&service, "8", outcome))
    };
    wait_until("two of eight", || all().iter().sum::<u64>() == 2);
}

#[test]
fn shadow_drops_photographs_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), |settings| {
        settings.shadow = Some(successor(dir.path(), true));
    }) else {
        return;
    };
    let picture = gradient(400, 400, Format::Png);
    let mut batch = post("/predict/batch");
    for number in 0..32 {
        batch = batch.file(&number.to_string(), &picture);
    }
    batch.send(&service).ok();
    // One is being predicted, one is in the channel, and the only worker is busy.
    assert!(shadowed(&service, "8", "dropped") >= 20);
}

#[test]
fn shadow_with_other_classes_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime() else { return };
    let configuration = Configuration {
        port: 0,
        results: results().into(),
        shadow: Some(successor(dir.path(), true)),
        ..Configuration::default()
    };
    let refused = pet_api::block_on(async { Application::build(configuration, runtime).err() });
    let refused = refused.unwrap();
    assert!(matches!(refused, Error::Classes { number: 0, .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("shadow") && text.contains("`red`"), "{text}");
}

#[test]
fn failed_reload_keeps_all_models() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), |settings| {
        settings.shadow = Some(successor(dir.path(), true));
    }) else {
        return;
    };
    fs_err::write(dir.path().join("next/model.onnx"), b"no model").unwrap();
    fs_err::write(dir.path().join("model.onnx"), coloured("9", true)).unwrap();
    let reload = post("/model/reload").header("Authorization", "Bearer secret");
    let error = reload.send(&service).error(500, "internal");
    assert!(error["detail"].as_str().unwrap().contains("next"), "{error}");
    assert_eq!(get("/model").send(&service).json()["version"], "7");
}
