//! `POST /feedback` and `GET /feedback`.

use std::path::{Path, PathBuf};

use pet_api::{Configuration, FeedbackFolder};
use pet_image::{Format, Limits, decode};
use pet_tests::{HUGE_PNG, gradient, truncated_jpeg};
use serde_json::{Value, json};

use crate::support::{Service, colours, colours_called, get, post};

/// A service with the classes red, green and blue that stores corrections in the folder `kept`.
fn start(dir: &Path, count: u64, bytes: u64) -> Option<Service> {
    start_with(dir, &colours(), count, bytes)
}

fn start_with(dir: &Path, model: &[u8], count: u64, bytes: u64) -> Option<Service> {
    let results = dir.join("results");
    fs_err::create_dir_all(&results).unwrap();
    fs_err::write(results.join("model.onnx"), model).unwrap();
    Service::start_with(|settings: &mut Configuration| {
        settings.results = results.into();
        settings.admin_token = Some("secret".into());
        settings.feedback = Some(FeedbackFolder { folder: dir.join("kept"), bytes, count });
    })
}

fn counts(service: &Service) -> Value {
    let request = get("/feedback").header("Authorization", "Bearer secret");
    request.send(service).json()
}

/// All files in a folder and its subfolders, sorted.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] });
    let mut files: Vec<_> = below.collect();
    files.sort();
    files
}

#[test]
fn correction_is_stored_with_the_prediction_and_without_metadata() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 10, 1 << 20) else { return };
    assert_eq!(get("/model").send(&service).json()["feedback"], true);
    let mut picture = gradient(60, 40, Format::Jpeg);
    // A comment after the marker of the start of the image.
    picture.splice(2..2, *b"\xff\xfe\x00\x10where I live..");
    let response = post("/feedback?class=green").file("../../x.jpg", &picture);
    let response = response.send(&service).json();
    assert_eq!(response["class"], "green");
    assert_eq!(response["model_version"], "7");
    let correct = response["predicted_class"] == "green";
    assert_eq!(response["correct"], correct);

    let kept = files(&dir.path().join("kept"));
    let [image, beside] = kept.as_slice() else { panic!("{kept:?}") };
    let image = [image, beside].map(|path| path.strip_prefix(dir.path()).unwrap().to_owned());
    assert!(image.iter().all(|path| path.starts_with("kept/green")));
    let bytes = fs_err::read(dir.path().join(&image[0])).unwrap();
    assert!(!bytes.windows(5).any(|window| window == b"where"));
    let decoded = decode(&bytes, &Limits::default()).unwrap();
    assert_eq!(decoded.image.dimensions(), (60, 40));
    let beside: Value = serde_json::from_slice(&fs_err::read(beside).unwrap()).unwrap();
    assert_eq!(beside["predicted_class"], response["predicted_class"]);
    assert_eq!(beside["model_version"], "7");
    assert_eq!(counts(&service)["classes"], json!({"green": 1}));
    let metrics = get("/metrics").send(&service).text();
    let series = format!("pet_corrections_total{{correct=\"{correct}\"}} 1");
    assert!(metrics.contains(&series), "{metrics}");
}

#[test]
fn full_folder_rejects_corrections_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let send = |service: &Service, side: u32| {
        let picture = gradient(side, side, Format::Png);
        post("/feedback?class=red").file("x.png", &picture).send(service)
    };
    {
        let Some(service) = start(dir.path(), 2, 1 << 20) else { return };
        send(&service, 20).ok();
        send(&service, 30).ok();
        send(&service, 40).error(507, "full");
    }
    let before = files(&dir.path().join("kept"));
    assert_eq!(before.len(), 4);
    let service = start(dir.path(), 2, 1 << 20).unwrap();
    assert_eq!(counts(&service)["count"], 2);
    send(&service, 40).error(507, "full");
    drop(service);
    let service = start(dir.path(), 9, 100).unwrap();
    send(&service, 40).error(507, "full");
    assert_eq!(files(&dir.path().join("kept")), before);
}

#[test]
fn invalid_corrections_are_not_stored() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 10, 1 << 20) else { return };
    let good = gradient(20, 20, Format::Png);
    let refused = |path: &str, picture: &[u8], status, code| {
        let request = post(path).file("x.png", picture);
        request.send(&service).error(status, code)
    };
    refused("/feedback", &good, 400, "bad_parameter");
    for class in ["Bengal", "..", "../red", "red%2F..", ""] {
        let path = format!("/feedback?class={class}");
        let error = refused(&path, &good, 400, "bad_parameter");
        assert!(error["hint"].as_str().unwrap().contains("/classes"));
    }
    refused("/feedback?class=red", b"<script>", 400, "undecodable");
    refused("/feedback?class=red", &truncated_jpeg(), 400, "undecodable");
    refused("/feedback?class=red", HUGE_PNG, 413, "too_large");
    get("/feedback").send(&service).error(401, "unauthorized");
    assert_eq!(files(&dir.path().join("kept")), Vec::<PathBuf>::new());
    assert_eq!(counts(&service)["count"], 0);
}

#[test]
fn feedback_is_not_found_without_a_folder() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(20, 20, Format::Png);
    for request in [get("/feedback"), post("/feedback?class=red").file("x.png", &picture)] {
        let error = request.send(&service).error(404, "not_found");
        assert!(error["hint"].is_string());
    }
    assert_eq!(get("/model").send(&service).json()["feedback"], false);
}

#[test]
fn cross_site_corrections_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 10, 1 << 20) else { return };
    let send = |site: Option<&str>, side: u32| {
        let picture = gradient(side, side, Format::Png);
        let request = post("/feedback?class=red").file("x.png", &picture);
        let request = match site {
            Some(site) => request.header("Sec-Fetch-Site", site),
            None => request,
        };
        request.send(&service)
    };
    for site in ["cross-site", "same-site", "", "Same-Origin, none", "elsewhere"] {
        let error = send(Some(site), 20).error(403, "cross_site");
        assert!(error["hint"].is_string(), "{site}: {error}");
    }
    assert_eq!(counts(&service)["count"], 0);
    for (side, site) in [(20, None), (21, Some("same-origin")), (22, Some("none"))] {
        send(site, side).ok();
    }
    assert_eq!(counts(&service)["count"], 3);
}

/// Over plain HTTP to another machine, browsers send `Origin` but not `Sec-Fetch-Site`.
#[test]
fn corrections_of_other_origins_are_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 10, 1 << 20) else { return };
    let send = |origin: &str, host: &str| {
        let picture = gradient(origin.len() as u32 + 1, 20, Format::Png);
        let request = post("/feedback?class=red").file("x.png", &picture);
        let request = request.header("X-Forwarded-Host", host).header("Origin", origin);
        request.send(&service)
    };
    for origin in [
        "http://evil.example",
        "http://pets.example.evil.example:8000",
        "http://pets.example:8001",
        "http://pets.example",
        "file://pets.example:8000",
        "null",
        "",
    ] {
        send(origin, "pets.example:8000").error(403, "cross_site");
    }
    assert_eq!(counts(&service)["count"], 0);
    send("http://pets.example:8000", "pets.example:8000").ok();
    send("https://pets.example", "Pets.example").ok();
    assert_eq!(counts(&service)["count"], 2);
}

#[test]
fn existing_files_are_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let Some(service) = start(dir.path(), 10, 1 << 20) else { return };
    let send = || {
        let picture = gradient(20, 20, Format::Png);
        let request = post("/feedback?class=red").file("x.png", &picture);
        request.send(&service).ok();
    };
    send();
    let folder = dir.path().join("kept/red");
    let first = files(&folder).swap_remove(0);
    let (second, digest) = first.file_stem().unwrap().to_str().unwrap().split_once('-').unwrap();
    // The names for the same image in the next minute, each used by one of the two files.
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
fn class_that_is_a_path_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
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
    let classes: Vec<&str> = hostile.iter().map(|(class, _)| *class).chain(["fine"]).collect();
    let model = colours_called(&classes);
    let Some(service) = start_with(dir.path(), &model, 10, 1 << 20) else { return };
    let picture = gradient(20, 20, Format::Png);
    let send = |class: &str| {
        let request = post(&format!("/feedback?class={class}")).file("x.png", &picture);
        request.send(&service)
    };
    let before = files(dir.path());
    for (class, written) in hostile {
        let error = send(written).error(400, "bad_parameter");
        let detail = error["detail"].as_str().unwrap();
        assert!(detail.contains("cannot be a folder name"), "{class:?}: {detail}");
    }
    assert_eq!(files(dir.path()), before);
    assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2, "kept and results");
    send("fine").ok();
    assert_eq!(files(&dir.path().join("kept/fine")).len(), 2);
}
