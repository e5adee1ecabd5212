//! Exports with the images of a data set: a model in 8-bit integers, and one that detects unknown images.

use std::path::Path;

use pet_data::{Dataset, Silent, Split, folder};
use pet_export::{Error, Exporter, Gate, ModelImages, select};
use pet_image::{Format, RgbImage, encode_rgb};
use pet_model::{
    INT8_MODEL_FILE, METRICS_FILE, Metrics, Reference, SELECTION_FILE, Selection, read_json,
};
use pet_pipeline::evaluate::{ImageSet, evaluate};
use pet_predict::{Explainer, ImagePredictor, Options, Precision, Prediction, Runtime};
use pet_tests::{Store, gradient, metadata, runtime, sha256};

/// Two images for each class of the stand-in.
fn gradients(place: &Path) -> Dataset {
    for (class, name) in (1..).zip(&metadata().classes) {
        for image in 1..=2 {
            let file = place.join(name).join(format!("{image}.png"));
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            let picture = gradient(40 * class, 50 * image, Format::Png);
            fs_err::write(file, picture).unwrap();
        }
    }
    folder::load(place).unwrap()
}

/// A gate that accepts everything or nothing, since the predictions of random weights are too close to be the same in
/// integers.
fn gate(open: bool) -> Gate {
    let mut gate = Gate::default();
    let limit = if open { 1.0 } else { -1.0 };
    (gate.loss, gate.differing) = (limit, limit);
    gate
}

/// All images of a data set, both to train on and to validate on.
fn split(dataset: &Dataset) -> Split {
    let samples: Vec<_> = dataset.samples().cloned().collect();
    Split { train: samples.clone(), validation: samples }
}

#[test]
fn both_precisions_are_exported_together() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let dataset = gradients(&place.path().join("pictures"));
    let split = split(&dataset);
    let int8 = ModelImages::new(&dataset, &split, &Silent);
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.path().join("results");
    let exporter = Exporter::new(&store.client, &runtime).with_gate(gate(true));
    let exported = exporter.with_int8(Some(int8)).export(&selection, &results).unwrap();

    let file = results.join(INT8_MODEL_FILE);
    assert!(exported.files.contains(&file), "{:?}", exported.files);
    let kept: Selection = read_json(&results.join(SELECTION_FILE)).unwrap();
    let digest = sha256(&fs_err::read(&file).unwrap());
    assert_eq!(kept.int8_sha256, Some(digest));
    let metrics: Metrics = read_json(&results.join(METRICS_FILE)).unwrap();
    assert_eq!(metrics.quantization, exported.quantization);
    let figures = exported.quantization.unwrap();
    assert_eq!((figures.images, figures.layers, figures.fp32_layers), (10, 52, 0));
    assert!(3 * figures.bytes_int8 < figures.bytes_fp32, "{figures:?}");

    let predictor = ImagePredictor::load(&runtime, &results, &Options::default()).unwrap();
    let expected = exported.metadata.clone().with_precision(Precision::Int8);
    assert_eq!(*predictor.metadata(), expected, "what is loaded unasked");

    // The next export has no integer model, so the one of this export must be removed.
    let exporter = Exporter::new(&store.client, &runtime);
    let exported = exporter.export(&selection, &results).unwrap();
    assert!(exported.quantization.is_none() && !file.exists());
    let kept: Selection = read_json(&results.join(SELECTION_FILE)).unwrap();
    assert_eq!(kept.int8_sha256, None);
}

#[test]
fn rejected_model_leaves_registry_and_results_unchanged() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let dataset = gradients(&place.path().join("pictures"));
    let split = split(&dataset);
    let int8 = ModelImages::new(&dataset, &split, &Silent);
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.path().join("results");
    let exporter = Exporter::new(&store.client, &runtime).with_gate(gate(false));
    let error = exporter.with_int8(Some(int8)).export(&selection, &results).unwrap_err();
    let Error::Gate { figures, .. } = &error else { panic!("{error}") };
    assert_eq!(figures.images, 10);
    assert!(error.to_string().contains("on 10 validation images"), "{error}");
    assert_eq!(fs_err::read_dir(&results).unwrap().count(), 0);
    let champion = store.client.model_version_by_alias("stand_in", pet_export::CHAMPION);
    assert!(champion.is_err(), "{champion:?}");
}

/// Five shades of a different colour for each class of the stand-in.
fn shades(place: &Path) -> Dataset {
    for (class, name) in metadata().classes.iter().enumerate() {
        for shade in 0..5_u8 {
            let mut colour = [20 * shade, 10 * shade, 5 * shade];
            colour[class % 3] = 255 - 8 * shade;
            write(&place.join(name).join(format!("{shade}.png")), colour);
        }
    }
    folder::load(place).unwrap()
}

fn write(file: &Path, colour: [u8; 3]) {
    let image = RgbImage::from_fn(60, 50, |_, _| colour.into());
    fs_err::create_dir_all(file.parent().unwrap()).unwrap();
    fs_err::write(file, encode_rgb(&image, Format::Png).unwrap()).unwrap();
}

fn exported(place: &Path, runtime: &Runtime) -> (Dataset, ImagePredictor) {
    let store = Store::with_versions(place);
    let dataset = shades(&place.join("pictures"));
    let split = split(&dataset);
    let images = ModelImages::new(&dataset, &split, &Silent);
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.join("results");
    let exporter = Exporter::new(&store.client, runtime)
        .with_outliers(Some(images))
        .with_references(Some(images));
    let exported = exporter.export(&selection, &results).unwrap();
    let predictor = ImagePredictor::load(runtime, &results, &Options::default()).unwrap();
    assert_eq!(*predictor.metadata(), exported.metadata);
    (dataset, predictor)
}

#[test]
fn images_of_the_classes_are_known() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let (dataset, predictor) = exported(place.path(), &runtime);
    let least = predictor.metadata().least_similarity.unwrap();
    assert!(least > 0.5 && least <= 1.0, "{least}");
    let reference = predictor.metadata().reference.clone().unwrap();
    assert_eq!(reference.count(), dataset.samples().count() as u64);
    assert_eq!(reference.features.len(), dataset.classes.len());
    let mut explainer = Explainer::new(predictor.model()).unwrap();
    let mut answers = Vec::new();
    for sample in dataset.samples() {
        let photograph = fs_err::read(&sample.path).unwrap();
        let prediction = predictor.predict(&photograph).unwrap();
        assert_eq!(prediction.is_known(), Some(true), "{sample:?}");
        let explained = explainer.explain(&photograph, None).unwrap().prediction;
        let [one, other] = [&prediction, &explained].map(|one| one.similarity().unwrap());
        assert!((one - other).abs() < 1e-5, "{one} {other}");
        answers.push(prediction);
    }
    let answers: Vec<_> = answers.iter().map(Prediction::observation).collect();
    let expected = Reference::of(dataset.classes.len(), &answers).with_images("validation", false);
    assert_eq!(reference, expected);
}

#[test]
fn evaluation_compares_known_and_unknown_images() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let (dataset, predictor) = exported(place.path(), &runtime);
    let samples: Vec<_> = dataset.samples().cloned().collect();
    let classes = &predictor.metadata().classes;
    let images = ImageSet::new("all", &dataset, &samples, classes).unwrap();
    let evaluation = evaluate(&predictor, &images, &Silent).unwrap();
    assert_eq!(evaluation.metrics.known, Some(1.0));
    let compare = |folder: &Path| evaluation.compare_outliers(&predictor, folder, &Silent);

    // The same images as unknown ones: no better than chance.
    let same = compare(&place.path().join("pictures")).unwrap();
    assert_eq!((same.images, same.taken.len()), (samples.len(), 10));
    assert!((same.auroc - 0.5).abs() < 1e-9, "{same:?}");
    assert!((same.known - 1.0).abs() < 1e-9, "{same:?}");

    let empty = place.path().join("empty");
    fs_err::create_dir(&empty).unwrap();
    let error = compare(&empty).unwrap_err().to_string();
    assert!(error.starts_with("there are no images in"), "{error}");
}
