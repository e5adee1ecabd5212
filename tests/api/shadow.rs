//! A successor that answers unseen.

use pet_api::{Application, Configuration, Error, Share, Successor};
use pet_image::Format;
use std::path::Path;

use crate::support::{
    Service, coloured, colours, get, gradient, metric, post, results, runtime, wait_until,
};

/// A folder with a model of the version 8 that answers as that of version 7 does, or with another class.
fn successor(place: &Path, agrees: bool) -> Successor {
    let folder = place.join("next");
    fs_err::create_dir_all(&folder).unwrap();
    fs_err::write(folder.join("model.onnx"), coloured("8", agrees)).unwrap();
    Successor {
        results: folder.into(),
        share: Share::ALL,
    }
}

fn start(name: &str, place: &Path, change: impl FnOnce(&mut Configuration)) -> Option<Service> {
    fs_err::write(place.join("model.onnx"), colours()).unwrap();
    Service::start_with(name, |settings| {
        settings.results = place.into();
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
fn a_shadow_is_compared_and_changes_no_answer() {
    let place = tempfile::tempdir().unwrap();
    let name = "a_shadow_is_compared_and_changes_no_answer";
    let Some(service) = start(name, place.path(), |settings| {
        settings.shadow = Some(successor(place.path(), true));
    }) else {
        return;
    };
    let request = post("/predict?top_k=1").file("x.png", &gradient(60, 40, Format::Png));
    let send = || {
        let answer = request.send(service.address).json();
        assert_eq!(answer["model_version"], "7");
        assert_eq!(answer["predicted_class"], "green");
    };
    send();
    wait_until("the shadow agrees", || {
        shadowed(&service, "8", "agreed") == 1
    });
    let differences = "pet_shadow_confidence_difference_count{version=\"8\"}";
    assert_eq!(count(&service, differences), 1);
    for role in [
        "name=\"colours\",role=\"served\",version=\"7\"",
        "name=\"colours\",role=\"shadow\",version=\"8\"",
    ] {
        let seconds = format!("pet_model_duration_seconds_count{{{role}}}");
        assert_eq!(count(&service, &seconds), 1, "{role}");
    }
    let text = get("/metrics").send(service.address).text();
    assert!(
        text.contains("pet_predictions_total{class=\"green\"} 1"),
        "{text}"
    );

    // Reloading the model reloads its shadow.
    successor(place.path(), false);
    let reload = post("/model/reload").header("Authorization", "Bearer secret");
    reload.send(service.address).ok();
    send();
    wait_until("the shadow differs", || {
        shadowed(&service, "8", "differed") == 1
    });
}

#[test]
fn a_share_of_the_photographs_is_shadowed() {
    let place = tempfile::tempdir().unwrap();
    let Some(service) = start(
        "a_share_of_the_photographs_is_shadowed",
        place.path(),
        |settings| {
            settings.shadow = Some(Successor {
                share: Share::from_percent(25.0).unwrap(),
                ..successor(place.path(), true)
            });
        },
    ) else {
        return;
    };
    let picture = gradient(60, 40, Format::Png);
    for _ in 0..8 {
        post("/predict")
            .file("x.png", &picture)
            .send(service.address)
            .ok();
    }
    let all = || {
        ["agreed", "differed", "dropped", "failed"].map(|outcome| shadowed(&service, "8", outcome))
    };
    wait_until("two of eight", || all().iter().sum::<u64>() == 2);
}

#[test]
fn photographs_are_dropped_while_there_is_other_work() {
    let place = tempfile::tempdir().unwrap();
    let name = "photographs_are_dropped_while_there_is_other_work";
    let Some(service) = start(name, place.path(), |settings| {
        settings.shadow = Some(successor(place.path(), true));
    }) else {
        return;
    };
    let picture = gradient(400, 400, Format::Png);
    let mut batch = post("/predict/batch");
    for number in 0..32 {
        batch = batch.file(&number.to_string(), &picture);
    }
    batch.send(service.address).ok();
    // One is taken, one waits; the only worker is busy with the others.
    assert!(shadowed(&service, "8", "dropped") >= 20);
}

#[test]
fn a_shadow_of_other_classes_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime("a_shadow_of_other_classes_is_refused") else {
        return;
    };
    let configuration = Configuration {
        port: 0,
        results: results().into(),
        shadow: Some(successor(place.path(), true)),
        ..Configuration::default()
    };
    let refused = pet_api::block_on(async { Application::build(configuration, runtime).err() });
    let refused = refused.unwrap();
    assert!(
        matches!(refused, Error::Classes { number: 0, .. }),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(text.contains("shadow") && text.contains("`red`"), "{text}");
}

#[test]
fn what_cannot_be_reloaded_leaves_all_models() {
    let place = tempfile::tempdir().unwrap();
    let Some(service) = start(
        "what_cannot_be_reloaded_leaves_all_models",
        place.path(),
        |settings| {
            settings.shadow = Some(successor(place.path(), true));
        },
    ) else {
        return;
    };
    fs_err::write(place.path().join("next/model.onnx"), b"no model").unwrap();
    fs_err::write(place.path().join("model.onnx"), coloured("9", true)).unwrap();
    let reload = post("/model/reload").header("Authorization", "Bearer secret");
    let refusal = reload.send(service.address).refused(500, "internal");
    assert!(
        refusal["detail"].as_str().unwrap().contains("next"),
        "{refusal}"
    );
    assert_eq!(get("/model").send(service.address).json()["version"], "7");
}
