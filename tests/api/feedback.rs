//! Corrections: what is kept of them, and what is not.

use std::path::{Path, PathBuf};

use pet_api::{Configuration, FeedbackFolder};
use pet_image::{Format, Limits, decode};
use serde_json::{Value, json};

use crate::support::{HUGE_PNG, Service, colours, get, gradient, post, truncated_jpeg};

/// A service with the classes red, green and blue that keeps corrections in the folder `kept`.
fn start(name: &str, place: &Path, count: u64, bytes: u64) -> Option<Service> {
    let results = place.join("results");
    fs_err::create_dir_all(&results).unwrap();
    fs_err::write(results.join("model.onnx"), colours()).unwrap();
    Service::start_with(name, |settings: &mut Configuration| {
        settings.results = results.into();
        settings.admin_token = Some("secret".into());
        settings.feedback = Some(FeedbackFolder {
            folder: place.join("kept"),
            bytes,
            count,
        });
    })
}

fn counts(service: &Service) -> Value {
    let request = get("/feedback").header("Authorization", "Bearer secret");
    request.send(service.address).json()
}

/// The files below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = paths.flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    let mut files: Vec<_> = below.collect();
    files.sort();
    files
}

#[test]
fn a_correction_is_kept_with_its_answer_and_without_metadata() {
    let place = tempfile::tempdir().unwrap();
    let name = "a_correction_is_kept_with_its_answer_and_without_metadata";
    let Some(service) = start(name, place.path(), 10, 1 << 20) else {
        return;
    };
    assert_eq!(get("/model").send(service.address).json()["feedback"], true);
    let mut picture = gradient(60, 40, Format::Jpeg);
    // A comment directly behind the start of the image.
    picture.splice(2..2, *b"\xff\xfe\x00\x10where I live..");
    let answer = post("/feedback?class=green").file("../../x.jpg", &picture);
    let answer = answer.send(service.address).json();
    assert_eq!(answer["class"], "green");
    assert_eq!(answer["model_version"], "7");
    let correct = answer["predicted_class"] == "green";
    assert_eq!(answer["correct"], correct);

    let kept = files(&place.path().join("kept"));
    let [image, beside] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    let image = [image, beside].map(|path| path.strip_prefix(place.path()).unwrap().to_owned());
    assert!(image.iter().all(|path| path.starts_with("kept/green")));
    let bytes = fs_err::read(place.path().join(&image[0])).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"where"));
    let decoded = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(decoded.image.dimensions(), (60, 40));
    let beside: Value = serde_json::from_slice(&fs_err::read(beside).unwrap()).unwrap();
    assert_eq!(beside["predicted_class"], answer["predicted_class"]);
    assert_eq!(beside["model_version"], "7");
    assert_eq!(counts(&service)["classes"], json!({"green": 1}));
    let metrics = get("/metrics").send(service.address).text();
    let series = format!("pet_corrections_total{{correct=\"{correct}\"}} 1");
    assert!(metrics.contains(&series), "{metrics}");
}

#[test]
fn a_full_folder_takes_no_more_also_after_a_restart() {
    let place = tempfile::tempdir().unwrap();
    let name = "a_full_folder_takes_no_more_also_after_a_restart";
    let send = |service: &Service, side: u32| {
        let picture = gradient(side, side, Format::Png);
        post("/feedback?class=red")
            .file("x.png", &picture)
            .send(service.address)
    };
    {
        let Some(service) = start(name, place.path(), 2, 1 << 20) else {
            return;
        };
        send(&service, 20).ok();
        send(&service, 30).ok();
        send(&service, 40).refused(507, "full");
    }
    let before = files(&place.path().join("kept"));
    assert_eq!(before.len(), 4);
    let service = start(name, place.path(), 2, 1 << 20).unwrap();
    assert_eq!(counts(&service)["count"], 2);
    send(&service, 40).refused(507, "full");
    drop(service);
    let service = start(name, place.path(), 9, 100).unwrap();
    send(&service, 40).refused(507, "full");
    assert_eq!(files(&place.path().join("kept")), before);
}

#[test]
fn what_is_no_correction_leaves_nothing() {
    let place = tempfile::tempdir().unwrap();
    let name = "what_is_no_correction_leaves_nothing";
    let Some(service) = start(name, place.path(), 10, 1 << 20) else {
        return;
    };
    let good = gradient(20, 20, Format::Png);
    let refused = |path: &str, picture: &[u8], status, code| {
        let request = post(path).file("x.png", picture);
        request.send(service.address).refused(status, code)
    };
    refused("/feedback", &good, 400, "bad_parameter");
    for class in ["Bengal", "..", "../red", "red%2F..", ""] {
        let path = format!("/feedback?class={class}");
        let refusal = refused(&path, &good, 400, "bad_parameter");
        assert!(refusal["hint"].as_str().unwrap().contains("/classes"));
    }
    refused("/feedback?class=red", b"<script>", 400, "undecodable");
    refused("/feedback?class=red", &truncated_jpeg(), 400, "undecodable");
    refused("/feedback?class=red", HUGE_PNG, 413, "too_large");
    get("/feedback")
        .send(service.address)
        .refused(401, "unauthorized");
    assert_eq!(files(&place.path().join("kept")), Vec::<PathBuf>::new());
    assert_eq!(counts(&service)["count"], 0);
}

#[test]
fn without_a_folder_there_is_no_such_path() {
    let Some(service) = Service::start("without_a_folder_there_is_no_such_path") else {
        return;
    };
    let picture = gradient(20, 20, Format::Png);
    for request in [
        get("/feedback"),
        post("/feedback?class=red").file("x.png", &picture),
    ] {
        let refusal = request.send(service.address).refused(404, "not_found");
        assert!(refusal["hint"].is_string());
    }
    assert_eq!(
        get("/model").send(service.address).json()["feedback"],
        false
    );
}
