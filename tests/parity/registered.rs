//! Export of registered models.

use std::path::Path;

use pet_export::{Exporter, TOLERANCE, select};
use pet_model::{MODEL_FILE, read_classes, read_json};
use pet_predict::{ImagePredictor, Options};
use pet_tests::{Store, VERSIONS, classifier_weights, metadata, runtime};
use pet_train::Classifier;
use sha2::{Digest, Sha256};

use crate::compare::compare;

#[test]
fn registered_model_is_served_as_it_was_trained() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let results = place.path().join("results");
    let selection = select(&store.client, "stand_in").unwrap();
    let exporter = Exporter::new(&store.client, &runtime);
    let outcome = exporter.export(&selection, &results).unwrap();
    assert!(outcome.largest_difference <= TOLERANCE, "{}", outcome.largest_difference);
    assert!(outcome.files.iter().all(|file| file.is_file()), "{:?}", outcome.files);

    let expected =
        metadata().with_model_version("2").with_run_id(&selection.run_id).with_val_acc(VERSIONS[1]);
    assert_eq!(outcome.metadata, expected);
    assert_eq!(read_classes(&results.join(pet_model::CLASSES_FILE)).unwrap(), expected.classes);
    let kept: pet_model::Selection = read_json(&results.join(pet_model::SELECTION_FILE)).unwrap();
    let bytes = fs_err::read(results.join(MODEL_FILE)).unwrap();
    let with_digest = pet_model::Selection {
        model_sha256: Some(format!("{:x}", Sha256::digest(bytes))),
        ..selection.clone()
    };
    assert_eq!(kept, with_digest);

    let predictor = ImagePredictor::load(&runtime, &results, &Options::default()).unwrap();
    assert_eq!(*predictor.metadata(), expected);
    // Version 2 was registered with seed 1.
    let classifier = Classifier::new(&classifier_weights(1), expected.classes.len()).unwrap();
    compare(&classifier, &predictor);
}

#[test]
fn export_is_reproducible() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    store.register(5, 0.5);
    let exporter = Exporter::new(&store.client, &runtime);
    let export = |folder: &Path| {
        let selection = select(&store.client, "stand_in").unwrap();
        let files = exporter.export(&selection, folder).unwrap().files;
        files.into_iter().map(|file| {
            let name = file.file_name().unwrap().to_owned();
            (name, fs_err::read(file).unwrap())
        })
    };
    let (one, other) = (place.path().join("one"), place.path().join("other"));
    let first: Vec<_> = export(&one).collect();
    assert!(first.iter().any(|(name, _)| name == MODEL_FILE));
    assert!(first == export(&other).collect::<Vec<_>>(), "another folder, other bytes");
    assert!(first == export(&one).collect::<Vec<_>>(), "once more, other bytes");
}
