//! A model that is exported with the images of its data set detects unknown images.

use std::path::Path;

use pet_data::{Dataset, Silent, folder};
use pet_export::{Exporter, Outliers, References, select};
use pet_image::{Format, RgbImage, encode_rgb};
use pet_model::Reference;
use pet_pipeline::evaluate::{ImageSet, evaluate};
use pet_predict::{Explainer, ImagePredictor, Options, Prediction, Runtime};
use pet_tests::{Store, metadata, runtime};

/// Five shades of a different colour for each class of the stand-in.
fn pictures(place: &Path) -> Dataset {
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
    let dataset = pictures(&place.join("pictures"));
    let samples: Vec<_> = dataset.samples().cloned().collect();
    let outliers = Outliers::new(&dataset, &samples, &samples, &Silent);
    let selection = select(&store.client, "stand_in").unwrap();
    let results = place.join("results");
    let references = References::new(&dataset, &samples, &Silent);
    let exporter = Exporter::new(&store.client, runtime)
        .with_outliers(Some(&outliers))
        .with_references(Some(&references));
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
