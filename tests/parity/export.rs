//! Failed exports leave the served files unchanged.

use std::collections::BTreeMap;
use std::path::Path;

use pet_export::{Error, Exporter, choose, select};
use pet_tests::{Store, runtime};

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
