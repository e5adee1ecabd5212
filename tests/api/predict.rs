//! `POST /predict`, `/predict/batch` and `/explain`

use std::num::NonZero;

use pet_image::{Format, Limits, decode};
use pet_tests::{gradient, photographs, truncated_jpeg};

use crate::support::{Service, post};

#[test]
fn prediction_has_the_fields_of_the_original() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(300, 200, Format::Jpeg);
    let request = post("/predict?seed=42").file("pet.jpg", &picture);
    let response = request.send(&service).json();
    let mut fields: Vec<_> = response.as_object().unwrap().keys().collect();
    // Fields of a model that detects unknown images.
    fields.retain(|field| !["known", "similarity"].contains(&field.as_str()));
    assert_eq!(fields.len(), 3, "{fields:?}");
    let classes = response["all_classes"].as_array().unwrap();
    assert!(classes.contains(&response["predicted_class"]));
    let confidence = response["confidence"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&confidence), "{confidence}");
    assert_eq!(request.send(&service).json(), response);
    let other = post("/predict?seed=-7").file("pet.jpg", &picture);
    assert_eq!(other.send(&service).json(), response);
}

#[test]
fn top_k_adds_classes_version_and_timing() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(64, 64, Format::Png);
    let response = post("/predict?top_k=3").file("pet.png", &picture).send(&service).json();
    let top = response["top_k"].as_array().unwrap();
    assert_eq!(top.len(), 3);
    assert_eq!(top[0]["class"], response["predicted_class"]);
    assert_eq!(top[0]["probability"], response["confidence"]);
    assert!(top.is_sorted_by_key(|one| -one["probability"].as_f64().unwrap()));
    assert!(response.get("model_version").is_some());
    for phase in ["queue", "decode", "preprocess", "inference"] {
        assert!(response["timing"][phase].as_f64().unwrap() >= 0.0, "{response}");
    }
    let all = post("/predict?top_k=999").file("pet.png", &picture).send(&service).json();
    let classes = all["all_classes"].as_array().unwrap().len();
    assert_eq!(all["top_k"].as_array().unwrap().len(), classes);
}

#[test]
fn raw_body_equals_form() {
    let Some(service) = Service::start() else { return };
    for format in Format::WRITTEN {
        let picture = gradient(90, 70, format);
        let form = post("/predict").file("pet", &picture).send(&service).json();
        // The format is detected from the content, not from the media type.
        for media_type in [format.media_type(), "image/x-anything", "application/octet-stream"] {
            let raw = post("/predict").body(media_type, &picture);
            assert_eq!(raw.send(&service).json(), form, "{media_type}");
        }
    }
}

#[test]
fn other_form_fields_are_ignored() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(90, 70, Format::Png);
    let request = post("/predict?unknown=1")
        .part("name=\"comment\"", b"a fine dog")
        .file("pet.png", &picture)
        .part("name=\"other\"; filename=\"x\"", &[0; 5000]);
    request.send(&service).ok();
}

#[test]
fn real_photographs_are_recognized() {
    let (Some(photographs), Some(service)) = (photographs(), Service::start()) else { return };
    let right = photographs.iter().filter(|path| {
        let request = post("/predict").file("pet.jpg", &fs_err::read(path).unwrap());
        let response = request.send(&service).json();
        let class = response["predicted_class"].as_str().unwrap();
        let breed = class.replace(' ', "_").to_lowercase();
        let file = path.file_stem().unwrap().to_string_lossy().to_lowercase();
        file.starts_with(&breed)
    });
    let (right, all) = (right.count(), photographs.len());
    assert!(right * 100 >= all * 80, "{right} of {all}");
}

#[test]
fn a_bad_file_does_not_affect_the_others() {
    let Some(service) = Service::start_with(|settings| {
        settings.limits.bytes = 100_000;
        // Fewer slots than files: the files of a batch wait for each other.
        settings.queue = NonZero::<usize>::MIN;
    }) else {
        return;
    };
    let (one, other) = (gradient(80, 60, Format::Png), gradient(60, 80, Format::Jpeg));
    let request = post("/predict/batch?top_k=2")
        .file("one.png", &one)
        .file("cut.jpg", &truncated_jpeg())
        .file("large.bmp", &gradient(300, 300, Format::Bmp))
        .file("note.txt", b"a text")
        .file("other.jpg", &other);
    let response = request.send(&service).json();
    let predictions = response["predictions"].as_array().unwrap();
    let names: Vec<_> = predictions.iter().map(|one| one["file"].as_str().unwrap()).collect();
    assert_eq!(names, ["one.png", "cut.jpg", "large.bmp", "note.txt", "other.jpg"]);
    for (index, code) in [(1, "undecodable"), (2, "too_large"), (3, "undecodable")] {
        assert_eq!(predictions[index]["error"]["code"], code, "{response}");
    }
    for (index, picture) in [(0, one), (4, other)] {
        let alone = post("/predict").file("x", &picture).send(&service).json();
        assert_eq!(predictions[index]["predicted_class"], alone["predicted_class"]);
        assert_eq!(predictions[index]["confidence"], alone["confidence"]);
        assert_eq!(predictions[index]["top_k"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn batch_size_is_limited() {
    let Some(service) = Service::start_with(|settings| {
        settings.batch = NonZero::new(3).unwrap();
    }) else {
        return;
    };
    let picture = gradient(20, 20, Format::Png);
    let batch =
        |count| (0..count).fold(post("/predict/batch"), |all, _| all.file("x.png", &picture));
    batch(3).send(&service).ok();
    let error = batch(4).send(&service).error(413, "too_large");
    assert!(error["detail"].as_str().unwrap().contains("`3`"), "{error}");
    post("/predict/batch").send(&service).error(422, "missing_file");
}

#[test]
fn explanation_adds_up_to_the_logit_and_can_be_drawn() {
    let Some(service) = Service::start() else { return };
    let picture = gradient(120, 90, Format::Png);
    let ask = |path: &str| post(path).file("x.png", &picture).send(&service);
    let response = ask("/explain").json();
    let predicted = ask("/predict").json();
    assert_eq!(response["class"], predicted["predicted_class"]);
    let cells = response["rows"].as_array().unwrap().iter();
    let cells = cells.flat_map(|row| row.as_array().unwrap());
    let sum: f64 = cells.map(|cell| cell.as_f64().unwrap()).sum();
    let number = |name: &str| response[name].as_f64().unwrap();
    assert!((sum + number("bias") - number("logit")).abs() < 0.01, "{response}");

    let drawn = ask("/explain?format=png&class=pug");
    assert_eq!(drawn.header("content-type"), Some("image/png"));
    assert_eq!(decode(drawn.ok(), &Limits::default()).unwrap().format, Format::Png);
    ask("/explain?class=unicorn").error(400, "bad_parameter");
    ask("/explain?format=tiff").error(400, "bad_parameter");
}

#[test]
fn workers_give_the_same_explanation() {
    let Some(service) = Service::start_with(|settings| {
        settings.workers = NonZero::new(3).unwrap();
    }) else {
        return;
    };
    let request = post("/explain").file("x.png", &gradient(120, 90, Format::Png));
    let first = request.send(&service).json();
    std::thread::scope(|scope| {
        let ask = || request.send(&service).json();
        let clients: Vec<_> = (0..9).map(|_| scope.spawn(ask)).collect();
        for client in clients {
            assert_eq!(client.join().unwrap(), first);
        }
    });
}
