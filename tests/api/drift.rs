//! Drift is measured for photographs that differ from those of the model's export, and not for similar ones.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use pet_api::FeedbackFolder;
use pet_image::{Format, Limits, RgbImage, decode, encode_rgb};
use pet_model::{MODEL_FILE, Observation, Reference};
use pet_tests::results_are_committed;

use crate::support::{COLOURS, Service, colours, colours_that_say, get, post, test_images};

/// Number of photographs of each kind, and size of the window.
const WINDOW: usize = 160;
/// The limits of docker/alerts.yml.
const LARGE: f64 = 0.25;
const MEDIUM: f64 = 0.5;

fn service(results: Option<PathBuf>) -> Option<Service> {
    Service::start_with(|configuration| {
        configuration.drift_window = NonZero::new(WINDOW).unwrap();
        if let Some(results) = results {
            configuration.feedback = Some(FeedbackFolder {
                folder: results.join("corrections"),
                bytes: 1 << 20,
                count: 1,
            });
            configuration.results = results.into();
        }
    })
}

/// The value of a gauge, if it exists.
fn gauge(address: SocketAddr, name: &str) -> Option<f64> {
    let text = get("/metrics").send(address).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map(|value| value.trim().parse().unwrap())
}

/// Sends images, and returns the distances of classes, confidence, similarity and features.
fn drift_of(address: SocketAddr, pictures: impl Iterator<Item = Vec<u8>>) -> [f64; 4] {
    for picture in pictures.take(WINDOW) {
        let response = post("/predict").file("pet", &picture).send(address);
        assert_eq!(response.status, 200, "{}", response.text());
    }
    assert_eq!(gauge(address, "pet_drift_window "), Some(WINDOW as f64));
    ["class_mix", "confidence", "similarity", "features"].map(|distance| {
        let name = format!("pet_drift_{distance} ");
        gauge(address, &name).unwrap_or(f64::NAN)
    })
}

fn plain(colour: [u8; 3]) -> Vec<u8> {
    let image = RgbImage::from_pixel(8, 8, colour.into());
    encode_rgb(&image, Format::Png).unwrap()
}

fn pure(class: usize) -> Vec<u8> {
    let mut colour = [0; 3];
    colour[class % 3] = 255;
    plain(colour)
}

/// A model of colours whose reference has equally many images of each.
fn model(confidences: [f32; 3]) -> Vec<u8> {
    let response = |index: usize| Observation {
        class: index % 3,
        confidence: confidences[index % 3],
        similarity: None,
        cosines: &[],
    };
    let responses: Vec<_> = (0..900).map(response).collect();
    let reference = Reference::of(3, &responses).with_images("validation", false);
    colours_that_say(|metadata| metadata.with_reference(reference))
}

#[test]
fn drift_of_colours_is_detected() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(MODEL_FILE);
    fs_err::write(&file, colours()).unwrap();
    let Some(without) = service(Some(folder.path().into())) else { return };
    let confidence = |class| {
        let request = post("/predict").file("a.png", &pure(class));
        let response = request.send(without.address).json();
        assert_eq!(response["predicted_class"], COLOURS[class]);
        response["confidence"].as_f64().unwrap() as f32
    };
    let confidences = [0, 1, 2].map(confidence);
    assert_eq!(gauge(without.address, "pet_drift_window "), Some(0.0));
    assert_eq!(gauge(without.address, "pet_drift_class_mix "), None);

    fs_err::write(&file, model(confidences)).unwrap();
    let service = service(Some(folder.path().into())).unwrap();
    // A photograph that is corrected was predicted before.
    for path in ["/predict", "/feedback?class=red"] {
        post(path).file("a.png", &pure(0)).send(&service).ok();
    }
    assert_eq!(gauge(service.address, "pet_drift_window "), Some(1.0));
    assert_eq!(gauge(service.address, "pet_drift_class_mix "), None);

    let [classes, confidence, similarity, features] = drift_of(service.address, (0..).map(pure));
    assert!(classes < 0.05 && confidence < 0.05, "{classes} {confidence}");
    assert!(similarity.is_nan() && features.is_nan(), "the model has none");
    let [classes, ..] = drift_of(service.address, (0..).map(|_| pure(1)));
    assert!(classes > LARGE, "one class: {classes}");
    // Nearly grey, and equally many of each.
    let pale = |class: usize| {
        let mut colour = [120; 3];
        colour[class % 3] = 140;
        plain(colour)
    };
    let [_, confidence, ..] = drift_of(service.address, (0..).map(pale));
    assert!(confidence > LARGE, "pale colours: {confidence}");
}

/// A photograph that is far out of focus: reduced to 24 pixels, which preprocessing enlarges.
fn blurred(photograph: &[u8]) -> Vec<u8> {
    let image = decode(photograph, &Limits::default()).unwrap().image;
    let small = image::imageops::thumbnail(&image, 24, 24);
    encode_rgb(&small, Format::Png).unwrap()
}

#[test]
fn drift_of_photographs_is_detected() {
    // Another model may have been exported with other images.
    if !results_are_committed() {
        return;
    }
    let Some(files) = test_images() else { return };
    let Some(service) = service(None) else { return };
    // All breeds, since the files are ordered by breed.
    let step = files.len() / WINDOW;
    let read = |file: &PathBuf| fs_err::read(file).unwrap();
    let ordinary = || files.iter().step_by(step).map(read);
    let distances = drift_of(service.address, ordinary());
    let [classes, confidence, similarity, features] = distances;
    assert!(classes < LARGE && confidence < LARGE, "{distances:?}");
    assert!(similarity < LARGE && features < MEDIUM, "{distances:?}");

    let distances = drift_of(service.address, ordinary().map(|photograph| blurred(&photograph)));
    let [_, confidence, similarity, features] = distances;
    assert!(confidence > LARGE && similarity > LARGE, "{distances:?}");
    assert!(features > MEDIUM, "{distances:?}");

    let is_pug = |file: &&PathBuf| file.file_name().unwrap().to_string_lossy().starts_with("pug_");
    let pugs: Vec<_> = files.iter().filter(is_pug).collect();
    let distances = drift_of(service.address, pugs.iter().copied().cycle().map(read));
    let [classes, _, _, features] = distances;
    assert!(classes > LARGE && features > MEDIUM, "{distances:?}");
}
