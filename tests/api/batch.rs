//! `POST /predict/batch`

use std::num::NonZero;

use pet_image::Format;
use pet_tests::{gradient, truncated_jpeg};

use crate::support::{Service, post};

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
