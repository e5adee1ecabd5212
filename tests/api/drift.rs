//! Photographs that are no longer like those of the model's export raise the gauges of drift, and ordinary ones do not.

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;

use pet_image::{Format, Limits, RgbImage, decode, encode_rgb};
use pet_model::{MODEL_FILE, Observation, Reference};

use crate::support::{
    COLOURS, Service, colours, colours_that_say, get, post, results_are_committed, test_images,
};

/// Photographs of each kind that are sent; as many are measured over.
const WINDOW: usize = 160;
/// The limits of docker/alerts.yml.
const LARGE: f64 = 0.25;
const MEDIUM: f64 = 0.5;

fn service(name: &str, results: Option<PathBuf>) -> Option<Service> {
    Service::start_with(name, |configuration| {
        configuration.drift_window = NonZero::new(WINDOW).unwrap();
        if let Some(results) = results {
            configuration.results = results.into();
        }
    })
}

/// What a gauge shows, if it is there.
fn gauge(address: SocketAddr, name: &str) -> Option<f64> {
    let text = get("/metrics").send(address).text();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map(|value| value.trim().parse().unwrap())
}

/// Sends pictures and gives the distances: of classes, confidence, similarity and features.
fn after(address: SocketAddr, pictures: impl Iterator<Item = Vec<u8>>) -> [f64; 4] {
    for picture in pictures.take(WINDOW) {
        let answer = post("/predict").file("pet", &picture).send(address);
        assert_eq!(answer.status, 200, "{}", answer.text());
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

/// A model of colours that was exported with as many pictures of each.
fn model(confidences: [f32; 3]) -> Vec<u8> {
    let answer = |index: usize| Observation {
        class: index % 3,
        confidence: confidences[index % 3],
        similarity: None,
        cosines: &[],
    };
    let answers: Vec<_> = (0..900).map(answer).collect();
    let reference = Reference::of(3, &answers).with_images("validation", false);
    colours_that_say(|metadata| metadata.with_reference(reference))
}

#[test]
fn other_colours_than_those_of_the_export_are_noticed() {
    let name = "other_colours_than_those_of_the_export_are_noticed";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(MODEL_FILE);
    fs_err::write(&file, colours()).unwrap();
    let Some(without) = service(name, Some(folder.path().into())) else {
        return;
    };
    let confidence = |class| {
        let request = post("/predict").file("a.png", &pure(class));
        let answer = request.send(without.address).json();
        assert_eq!(answer["predicted_class"], COLOURS[class]);
        answer["confidence"].as_f64().unwrap() as f32
    };
    let confidences = [0, 1, 2].map(confidence);
    assert_eq!(gauge(without.address, "pet_drift_window "), Some(0.0));
    assert_eq!(gauge(without.address, "pet_drift_class_mix "), None);

    fs_err::write(&file, model(confidences)).unwrap();
    let service = service(name, Some(folder.path().into())).unwrap();
    let few = post("/predict").file("a.png", &pure(0));
    assert_eq!(few.send(service.address).status, 200);
    assert_eq!(gauge(service.address, "pet_drift_window "), Some(1.0));
    assert_eq!(gauge(service.address, "pet_drift_class_mix "), None);

    let [classes, confidence, similarity, features] = after(service.address, (0..).map(pure));
    assert!(
        classes < 0.05 && confidence < 0.05,
        "{classes} {confidence}"
    );
    assert!(
        similarity.is_nan() && features.is_nan(),
        "the model has none"
    );
    let [classes, ..] = after(service.address, (0..).map(|_| pure(1)));
    assert!(classes > LARGE, "one class: {classes}");
    // Nearly grey, and as many of each.
    let pale = |class: usize| {
        let mut colour = [120; 3];
        colour[class % 3] = 140;
        plain(colour)
    };
    let [_, confidence, ..] = after(service.address, (0..).map(pale));
    assert!(confidence > LARGE, "pale colours: {confidence}");
}

/// A photograph as a camera far out of focus takes it: 24 pixels across, which the model's recipe enlarges.
fn blurred(photograph: &[u8]) -> Vec<u8> {
    let image = decode(photograph, &Limits::default()).unwrap().image;
    let small = image::imageops::thumbnail(&image, 24, 24);
    encode_rgb(&small, Format::Png).unwrap()
}

#[test]
fn blurred_photographs_and_those_of_one_breed_are_noticed_and_ordinary_ones_are_not() {
    let name = "blurred_photographs_and_those_of_one_breed_are_noticed_and_ordinary_ones_are_not";
    // The images that another model was exported with may be others.
    if !results_are_committed() {
        return;
    }
    let Some(files) = test_images(name) else {
        return;
    };
    let Some(service) = service(name, None) else {
        return;
    };
    // Of all breeds alike, since the files are ordered by breed.
    let step = files.len() / WINDOW;
    let read = |file: &PathBuf| fs_err::read(file).unwrap();
    let ordinary = || files.iter().step_by(step).map(read);
    let distances = after(service.address, ordinary());
    let [classes, confidence, similarity, features] = distances;
    assert!(classes < LARGE && confidence < LARGE, "{distances:?}");
    assert!(similarity < LARGE && features < MEDIUM, "{distances:?}");

    let distances = after(
        service.address,
        ordinary().map(|photograph| blurred(&photograph)),
    );
    let [_, confidence, similarity, features] = distances;
    assert!(confidence > LARGE && similarity > LARGE, "{distances:?}");
    assert!(features > MEDIUM, "{distances:?}");

    let is_pug = |file: &&PathBuf| {
        file.file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("pug_")
    };
    let pugs: Vec<_> = files.iter().filter(is_pug).collect();
    let distances = after(service.address, pugs.iter().copied().cycle().map(read));
    let [classes, _, _, features] = distances;
    assert!(classes > LARGE && features > MEDIUM, "{distances:?}");
}
