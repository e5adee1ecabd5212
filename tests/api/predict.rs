//! `POST /predict`

use pet_image::Format;
use pet_tests::{gradient, photographs};

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
