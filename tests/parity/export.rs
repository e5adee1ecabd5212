//! Selection among registered versions and their export; a failed one leaves the served files unchanged.

use std::collections::BTreeMap;
use std::path::Path;

use pet_export::{
    CHALLENGER, CHAMPION, Error, Exporter, TOLERANCE, challenge, choose, current, select,
};
use pet_model::{CLASSES_FILE, MODEL_FILE, SELECTION_FILE, Selection, read_classes, read_json};
use pet_predict::{ImagePredictor, Options};
use pet_tests::{Store, VERSIONS, classifier_weights, metadata, runtime, sha256};
use pet_train::Classifier;

use crate::candle::compare;

#[test]
fn best_version_becomes_challenger_and_the_leaderboard_is_sorted() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::with_versions(place.path());
    let selection = select(&store.client, "stand_in").unwrap();
    let order: Vec<&str> = selection.candidates.iter().map(|one| one.version.as_str()).collect();
    assert_eq!(order, ["2", "1", "3"]);
    assert_eq!((selection.version.as_str(), selection.val_acc), ("2", VERSIONS[1]));
    challenge(&store.client, &selection).unwrap();
    let alias = |name| store.client.model_version_by_alias("stand_in", name);
    assert_eq!(alias(CHALLENGER).unwrap().version, 2);
    assert!(alias(CHAMPION).is_err(), "nobody has promoted it");

    let other = choose(&store.client, "stand_in", 3).unwrap();
    assert_eq!((other.version.as_str(), other.alias.as_str()), ("3", ""));
    store.client.set_alias("stand_in", CHAMPION, 3).unwrap();
    assert_eq!(current(&store.client, "stand_in").unwrap().version, "3");
    challenge(&store.client, &select(&store.client, "stand_in").unwrap()).unwrap();
    assert_eq!(alias(CHAMPION).unwrap().version, 3, "the user's choice stands");
}

#[test]
fn missing_version_is_named_and_the_champion_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    store.register(1, 0.5);
    store.client.set_alias("stand_in", CHAMPION, 1).unwrap();

    let error = choose(&store.client, "stand_in", 9).unwrap_err();
    assert!(matches!(error, Error::Tracking { .. }), "{error}");
    let error = select(&store.client, "no_such_model").unwrap_err();
    assert!(error.to_string().contains("`no_such_model`"), "{error}");
    assert_eq!(store.client.model_version_by_alias("stand_in", CHAMPION).unwrap().version, 1);
}

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
    assert_eq!(read_classes(&results.join(CLASSES_FILE)).unwrap(), expected.classes);
    let kept: Selection = read_json(&results.join(SELECTION_FILE)).unwrap();
    let bytes = fs_err::read(results.join(MODEL_FILE)).unwrap();
    let with_digest = Selection { model_sha256: Some(sha256(&bytes)), ..selection.clone() };
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

/// Names and contents of the files in a folder; none if it does not exist.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs_err::read_dir(folder).into_iter().flatten();
    let read = |entry: fs_err::DirEntry| {
        (entry.file_name().into_string().unwrap(), fs_err::read(entry.path()).unwrap())
    };
    entries.map(|entry| read(entry.unwrap())).collect()
}

#[test]
fn version_of_another_program_is_rejected_by_name() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    let results = place.path().join("results");
    let exporter = Exporter::new(&store.client, &runtime);
    store.register(1, 0.5);
    exporter.export(&select(&store.client, "stand_in").unwrap(), &results).unwrap();
    let before = contents(&results);

    let foreign = store.register_foreign(0.9);
    let selection = select(&store.client, "stand_in").unwrap();
    assert_eq!(selection.version, foreign.to_string());
    let error = exporter.export(&selection, &results).unwrap_err();
    let Error::ForeignModel { model, version, file, .. } = &error else { panic!("{error}") };
    assert_eq!((model.as_str(), version), ("stand_in", &selection.version));
    assert_eq!(*file, pet_model::WEIGHTS_FILE);
    assert!(error.hint().is_some());
    assert!(contents(&results) == before, "the served files have changed");
}

#[test]
fn unwritable_folder_is_named_and_unchanged() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    let store = Store::new(place.path());
    store.register(1, 0.5);
    let selection = select(&store.client, "stand_in").unwrap();
    let exporter = Exporter::new(&store.client, &runtime);

    let file = place.path().join("results");
    fs_err::write(&file, "a file, not a folder").unwrap();
    let error = exporter.export(&selection, &file).unwrap_err();
    assert!(chain(&error).contains(&*file.to_string_lossy()), "{}", chain(&error));
    assert_eq!(fs_err::read(&file).unwrap(), b"a file, not a folder");

    // A folder has the name of the model file: no file of the new version may appear.
    let folder = place.path().join("taken");
    fs_err::create_dir_all(folder.join("model.onnx/inside")).unwrap();
    let error = exporter.export(&selection, &folder).unwrap_err();
    assert!(chain(&error).contains("model.onnx"), "{}", chain(&error));
    let names = fs_err::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["model.onnx"]);
}

#[test]
fn selection_from_another_store_is_rejected() {
    let Some(runtime) = runtime() else { return };
    let places = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [mine, theirs] = places.each_ref().map(|place| Store::new(place.path()));
    mine.register(1, 0.5);
    theirs.register(2, 0.5);
    let selection = choose(&theirs.client, "stand_in", 1).unwrap();
    let results = places[0].path().join("results");
    let exporter = Exporter::new(&mine.client, &runtime);
    let error = exporter.export(&selection, &results).unwrap_err();
    assert!(chain(&error).contains(&selection.run_id), "{}", chain(&error));
    assert!(contents(&results).is_empty());
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
