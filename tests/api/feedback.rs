//! Corrections: what is kept of them, and what is not.

use std::path::{Path, PathBuf};

use pet_api::{Configuration, FeedbackFolder};
use pet_image::{Format, Limits, decode};
use serde_json::{Value, json};

use crate::support::{
    HUGE_PNG, Service, colours, colours_called, get, gradient, post, truncated_jpeg,
};

/// A service with the classes red, green and blue that keeps corrections in the folder `kept`.
fn start(name: &str, place: &Path, count: u64, bytes: u64) -> Option<Service> {
    start_with(name, place, &colours(), count, bytes)
}

fn start_with(name: &str, place: &Path, model: &[u8], count: u64, bytes: u64) -> Option<Service> {
    let results = place.join("results");
    fs_err::create_dir_all(&results).unwrap();
    fs_err::write(results.join("model.onnx"), model).unwrap();
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

#[test]
fn only_the_own_page_and_programs_correct() {
    let place = tempfile::tempdir().unwrap();
    let name = "only_the_own_page_and_programs_correct";
    let Some(service) = start(name, place.path(), 10, 1 << 20) else {
        return;
    };
    let send = |site: Option<&str>, side: u32| {
        let picture = gradient(side, side, Format::Png);
        let request = post("/feedback?class=red").file("x.png", &picture);
        let request = match site {
            Some(site) => request.header("Sec-Fetch-Site", site),
            None => request,
        };
        request.send(service.address)
    };
    for site in [
        "cross-site",
        "same-site",
        "",
        "Same-Origin, none",
        "elsewhere",
    ] {
        let refusal = send(Some(site), 20).refused(403, "cross_site");
        assert!(refusal["hint"].is_string(), "{site}: {refusal}");
    }
    assert_eq!(counts(&service)["count"], 0);
    for (side, site) in [(20, None), (21, Some("same-origin")), (22, Some("none"))] {
        send(site, side).ok();
    }
    assert_eq!(counts(&service)["count"], 3);
}

#[test]
fn what_is_there_is_never_overwritten() {
    let place = tempfile::tempdir().unwrap();
    let name = "what_is_there_is_never_overwritten";
    let Some(service) = start(name, place.path(), 10, 1 << 20) else {
        return;
    };
    let send = || {
        let picture = gradient(20, 20, Format::Png);
        let request = post("/feedback?class=red").file("x.png", &picture);
        request.send(service.address).ok();
    };
    send();
    let folder = place.path().join("kept/red");
    let first = files(&folder).swap_remove(0);
    let (second, digest) = first
        .file_stem()
        .unwrap()
        .to_str()
        .unwrap()
        .split_once('-')
        .unwrap();
    // The names that the same picture gets in the next minute, each taken by one of the two files.
    let second: u64 = second.parse().unwrap();
    for (number, second) in (second + 1..second + 61).enumerate() {
        let ending = ["png", "json"][number % 2];
        fs_err::write(folder.join(format!("{second}-{digest}.{ending}")), "taken").unwrap();
    }
    let content = || -> Vec<_> {
        let read = |path: PathBuf| (fs_err::read(&path).unwrap(), path);
        files(&folder).into_iter().map(read).collect()
    };
    let before = content();
    assert_eq!(before.len(), 62);
    let mut taken = std::collections::HashSet::new();
    while taken.len() < 3 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        taken.insert(now.unwrap().as_secs());
        send();
    }
    assert_eq!(content(), before);
    assert_eq!(counts(&service)["count"], 1);
}

#[test]
fn a_class_that_is_a_path_stays_inside_the_folder() {
    let place = tempfile::tempdir().unwrap();
    let name = "a_class_that_is_a_path_stays_inside_the_folder";
    let long = "x".repeat(300);
    let hostile = [
        ("../x", "../x"),
        ("a/b", "a/b"),
        ("/tmp/x", "/tmp/x"),
        ("..", ".."),
        (".", "."),
        (".hidden", ".hidden"),
        ("a\\b", "a%5Cb"),
        ("c:d", "c:d"),
        ("a\0b", "a%00b"),
        ("a\nb", "a%0Ab"),
        (&long, &long),
    ];
    let classes: Vec<&str> = hostile
        .iter()
        .map(|(class, _)| *class)
        .chain(["fine"])
        .collect();
    let model = colours_called(&classes);
    let Some(service) = start_with(name, place.path(), &model, 10, 1 << 20) else {
        return;
    };
    let picture = gradient(20, 20, Format::Png);
    let send = |class: &str| {
        let request = post(&format!("/feedback?class={class}")).file("x.png", &picture);
        request.send(service.address)
    };
    let before = files(place.path());
    for (class, written) in hostile {
        let refusal = send(written).refused(400, "bad_parameter");
        let detail = refusal["detail"].as_str().unwrap();
        assert!(
            detail.contains("cannot name a folder"),
            "{class:?}: {detail}"
        );
    }
    assert_eq!(files(place.path()), before);
    assert_eq!(
        fs_err::read_dir(place.path()).unwrap().count(),
        2,
        "kept and results"
    );
    send("fine").ok();
    assert_eq!(files(&place.path().join("kept/fine")).len(), 2);
}
