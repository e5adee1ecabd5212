//! A canary, which answers a share of the photographs, and a shadow, whose predictions are only compared.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pet_api::{Configuration, Error, FeedbackFolder, Share, Successor};
use pet_image::Format;
use pet_tests::gradient;
use serde_json::{Value, json};

use crate::support::{Service, coloured, colours, get, metric, post, startup_error, wait_until};

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

/// A service of version 7 with a shadow of version 8, which predicts the same classes.
fn with_shadow(dir: &Path) -> Option<Service> {
    start(dir, |settings| settings.shadow = Some(successor(dir, true)))
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
    let Some(service) = with_shadow(dir.path()) else { return };
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
    let Some(service) = with_shadow(dir.path()) else { return };
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
    let change = |settings: &mut Configuration| {
        settings.shadow = Some(successor(dir.path(), true));
    };
    let Some(refused) = startup_error(change) else { return };
    assert!(matches!(refused, Error::Classes { number: 0, .. }), "{refused}");
    let text = refused.to_string();
    assert!(text.contains("shadow") && text.contains("`red`"), "{text}");
}

#[test]
fn failed_reload_keeps_all_models() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = with_shadow(dir.path()) else { return };
    fs_err::write(dir.path().join("next/model.onnx"), b"no model").unwrap();
    fs_err::write(dir.path().join("model.onnx"), coloured("9", true)).unwrap();
    let reload = post("/model/reload").header("Authorization", "Bearer secret");
    let error = reload.send(&service).error(500, "internal");
    assert!(error["detail"].as_str().unwrap().contains("next"), "{error}");
    assert_eq!(get("/model").send(&service).json()["version"], "7");
}

/// A service of version 7 with a canary of version 8, which predicts another class.
fn with_canary(dir: &Path, percent: f64) -> Option<Service> {
    start(dir, |settings| {
        settings.canary = Some(canary(dir, percent));
        settings.feedback =
            Some(FeedbackFolder { folder: dir.join("kept"), bytes: 1 << 20, count: 100 });
    })
}

fn canary(dir: &Path, percent: f64) -> Successor {
    Successor { share: Share::from_percent(percent).unwrap(), ..successor(dir, false) }
}

fn pictures() -> Vec<Vec<u8>> {
    (20..60).map(|side| gradient(side, 20, Format::Png)).collect()
}

fn predict(service: &Service, picture: &[u8]) -> Value {
    let request = post("/predict").file("x.png", picture);
    request.send(service).json()
}

#[test]
fn a_photograph_is_always_predicted_by_the_same_model() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = with_canary(dir.path(), 50.0) else { return };
    let pictures = pictures();
    let responses: Vec<_> = pictures.iter().map(|picture| predict(&service, picture)).collect();
    let canaries = responses.iter().filter(|response| response["model_version"] == "8").count();
    assert!((5..35).contains(&canaries), "{canaries}");
    let mut batch = post("/predict/batch");
    for picture in pictures.iter().take(20) {
        batch = batch.file("x.png", picture);
    }
    let batch = batch.send(&service).json();
    for (number, (picture, response)) in pictures.iter().zip(&responses).enumerate() {
        // Only version 7 is right.
        assert_eq!(response["predicted_class"] == "green", response["model_version"] == "7");
        assert_eq!(predict(&service, picture), *response);
        let corrected = post("/feedback?class=red").file("x.png", picture);
        let corrected = corrected.send(&service).json();
        assert_eq!(corrected["model_version"], response["model_version"]);
        if let Some(one) = batch["predictions"].get(number) {
            assert_eq!(one["model_version"], response["model_version"]);
            assert_eq!(one["predicted_class"], response["predicted_class"]);
        }
    }
    for (role, version, count) in [("served", 7, 40 - canaries), ("canary", 8, canaries)] {
        let labels = format!("name=\"colours\",role=\"{role}\",version=\"{version}\"");
        let answered = metric(&service, &format!("pet_model_duration_seconds_count{{{labels}}}"));
        assert!(answered as usize >= 3 * count, "{role}: {answered} of {count}");
        let failures = metric(&service, &format!("pet_model_failures_total{{{labels}}}"));
        assert_eq!(failures as usize, 0, "{role}");
        let info = format!(
            "pet_model_info{{name=\"colours\",role=\"{role}\",run_id=\"\",version=\"{version}\"}}"
        );
        assert_eq!(metric(&service, &info) as usize, 1, "{info}");
    }
    drop(service);
    // Also after a restart; a larger share contains the smaller one.
    let service = with_canary(dir.path(), 80.0).unwrap();
    for (picture, before) in pictures.iter().zip(&responses) {
        let response = predict(&service, picture);
        assert!(response == *before || before["model_version"] == "7");
    }
}

#[test]
fn protocol_serves_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = with_canary(dir.path(), 100.0) else { return };
    let model = get("/v2/models/colours").send(&service).json();
    assert_eq!(model["versions"], json!(["7", "8"]));
    let infer = |path: &str, input: &Value| {
        let body = json!({"inputs": [input]}).to_string();
        let request = post(&format!("/v2/models/colours{path}/infer"));
        let response = request.body("application/json", body.as_bytes()).send(&service);
        response.json()["model_version"].clone()
    };
    let picture = STANDARD.encode(gradient(20, 20, Format::Png));
    let photograph = json!({"name": "input", "datatype": "BYTES", "shape": [1], "data": [picture]});
    let zeros = vec![0.0; 3 * 224 * 224];
    let tensor =
        json!({"name": "input", "datatype": "FP32", "shape": [1, 3, 224, 224], "data": zeros});
    assert_eq!(infer("", &photograph), "8");
    assert_eq!(infer("/versions/7", &photograph), "7");
    assert_eq!(infer("", &tensor), "7");
    assert_eq!(infer("/versions/8", &tensor), "8");
    assert_eq!(get("/v2/models/colours/versions/9").send(&service).status, 404);
}

#[test]
fn canary_with_other_classes_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let change = |settings: &mut Configuration| settings.canary = Some(canary(dir.path(), 5.0));
    let Some(refused) = startup_error(change) else { return };
    assert!(matches!(refused, Error::Classes { role: "canary", .. }), "{refused}");
}
