//! What is refused when a model is loaded; every refusal names both sides.

use std::error::Error as _;

use onnx_graph::{DataType, Dim, Graph};
use pet_model::{CLASSES_FILE, INT8_MODEL_FILE, MODEL_FILE, Precision, Results, write_classes};
use pet_predict::{Error, Model, Options, Runtime};

use crate::support::{Parts, finish, metadata, runtime};

fn refusal(runtime: &Runtime, parts: Parts) -> Error {
    Model::load(runtime, parts.folder().path(), &Options::default()).unwrap_err()
}

/// The refusal of a file of these bytes.
fn refusal_of_bytes(runtime: &Runtime, bytes: &[u8]) -> Error {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), bytes).unwrap();
    Model::load(runtime, file.path(), &Options::default()).unwrap_err()
}

#[test]
fn a_folder_or_a_file_is_loaded() {
    let Some(runtime) = runtime() else { return };
    let folder = Parts::default().folder();
    let file = folder.path().join(MODEL_FILE);
    for path in [folder.path(), &file] {
        let model = Model::load(&runtime, path, &Options::default()).unwrap();
        assert_eq!(*model.metadata(), metadata(&["red", "green", "blue"]));
        assert_eq!(model.path(), file);
    }
}

/// The files of a program that lives as long as the tests.
fn carried(names: &[&'static str]) -> Results {
    let folder = Parts::default().folder();
    let bytes: &[u8] = fs_err::read(folder.path().join(MODEL_FILE)).unwrap().leak();
    let files: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, bytes)).collect();
    Results::BuiltIn(files.leak())
}

#[test]
fn a_model_inside_the_program_is_loaded() {
    let Some(runtime) = runtime() else { return };
    let (results, options) = (carried(&[MODEL_FILE]), Options::default());
    let model = Model::from_results(&runtime, &results, &options).unwrap();
    assert_eq!(*model.metadata(), metadata(&["red", "green", "blue"]));
    assert_eq!(Model::describe(&results, &options).unwrap(), *model.metadata());
    let folder = Parts::default().folder();
    let loaded = Model::from_results(&runtime, &folder.path().into(), &options).unwrap();
    assert_eq!(loaded.bytes(), model.bytes());
    let described = Model::describe(&folder.path().into(), &options).unwrap();
    assert_eq!(described, *model.metadata());
}

#[test]
fn what_is_not_or_wrongly_inside_the_program_is_named() {
    let Some(runtime) = runtime() else { return };
    let message = |names: &[&'static str], options: &Options| {
        let error = Model::from_results(&runtime, &carried(names), options).unwrap_err();
        error.to_string()
    };
    let int8 = Options::default().with_precision(Some(Precision::Int8));
    assert_eq!(message(&[MODEL_FILE], &int8), "no model found at `built in/model.int8.onnx`");
    let named_otherwise = message(&[INT8_MODEL_FILE], &Options::default());
    assert!(named_otherwise.contains("should use int8"), "{named_otherwise}");
    let small = Options::default().with_model_bytes(100);
    assert!(message(&[MODEL_FILE], &small).ends_with("expected 1 to 100"));
}

#[test]
fn another_input_or_output_is_refused() {
    let Some(runtime) = runtime() else { return };
    let message = |parts| {
        let error = refusal(&runtime, parts);
        assert!(matches!(error, Error::Interface { .. }), "{error}");
        let text = error.to_string();
        text[text.find(" should have ").unwrap()..].to_owned()
    };
    let input = " should have the input `input: f32[any, 3, 8, 8]`, got ";
    let parts = Parts { input: "image", ..Parts::default() };
    assert_eq!(message(parts), format!("{input}`image: f32[any, 3, 8, 8]`"));
    let parts = Parts { size: 16, ..Parts::default() };
    assert_eq!(message(parts), format!("{input}`input: f32[any, 3, 16, 16]`"));
    let parts = Parts { batch: Dim::Fixed(1), ..Parts::default() };
    assert_eq!(message(parts), format!("{input}`input: f32[1, 3, 8, 8]`"));
    let output = " should have the output `output: f32[any, 3]`, got ";
    let parts = Parts { output: "scores", ..Parts::default() };
    assert_eq!(message(parts), format!("{output}`scores: f32[any, 3]`"));
    let parts = Parts { weight: vec![0.0; 15], ..Parts::default() };
    assert_eq!(message(parts), format!("{output}`output: f32[any, 5]`"));
}

#[test]
fn numbers_of_another_type_are_refused() {
    let Some(runtime) = runtime() else { return };
    let mut graph = Graph::new("double");
    let shape = [Dim::symbol("batch"), 3.into(), 8.into(), 8.into()];
    let image = graph.input("input", DataType::F64, &shape).unwrap();
    let relu = graph.relu("relu", &image).unwrap();
    graph.output("output", &relu).unwrap();
    let bytes = finish(graph, Parts::default().metadata);
    let error = refusal_of_bytes(&runtime, &bytes).to_string();
    assert!(error.ends_with("got `input: f64[any, 3, 8, 8]`"), "{error}");
}

#[test]
fn a_model_without_a_known_recipe_is_refused() {
    let Some(runtime) = runtime() else { return };
    let without = |removed: &str| {
        let mut parts = Parts::default();
        parts.metadata.retain(|(key, _)| key != removed);
        parts
    };
    for key in ["pet.format", "pet.classes", "pet.preprocess"] {
        let error = refusal(&runtime, without(key));
        assert!(matches!(error, Error::Metadata { .. }), "{error}");
        assert_eq!(
            error.source().unwrap().to_string(),
            format!("the model's metadata has no `{key}`")
        );
        assert!(error.hint().is_some());
    }
    let mut unknown = without("pet.preprocess");
    unknown.metadata.push(("pet.preprocess".into(), r#"{"resize":"magic"}"#.into()));
    assert!(matches!(refusal(&runtime, unknown), Error::Metadata { .. }));
    let foreign = Parts { metadata: Vec::new(), ..Parts::default() };
    assert!(matches!(refusal(&runtime, foreign), Error::Metadata { .. }));
}

#[test]
fn files_that_are_no_model_are_refused() {
    let Some(runtime) = runtime() else { return };
    let error = refusal_of_bytes(&runtime, b"");
    assert!(matches!(error, Error::ModelSize { got: 0, .. }), "{error}");
    let error = refusal_of_bytes(&runtime, b"This is a text called model.onnx.");
    assert!(matches!(error, Error::LoadModel { .. }), "{error}");
    assert!(error.source().is_some() && error.hint().is_some());
    let bytes = Parts::default().bytes();
    for length in (1..bytes.len()).step_by(37) {
        let error = refusal_of_bytes(&runtime, &bytes[..length]);
        assert!(
            matches!(error, Error::LoadModel { .. } | Error::Metadata { .. }),
            "{length}: {error}"
        );
    }
}

#[test]
fn a_missing_or_huge_file_is_refused() {
    let Some(runtime) = runtime() else { return };
    let empty = tempfile::tempdir().unwrap();
    let error = Model::load(&runtime, empty.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::NoModel { .. }), "{error}");
    assert!(error.to_string().contains("model.onnx"));
    let folder = Parts::default().folder();
    let options = Options::default().with_model_bytes(100);
    let error = Model::load(&runtime, folder.path(), &options).unwrap_err();
    assert!(error.to_string().ends_with("bytes, expected 1 to 100"), "{error}");
}

#[test]
fn other_classes_beside_the_model_are_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = Parts::default().folder();
    let path = folder.path().join(CLASSES_FILE);
    let load = |classes: &[&str]| {
        let classes: Vec<_> = classes.iter().map(ToString::to_string).collect();
        write_classes(&path, &classes).unwrap();
        Model::load(&runtime, folder.path(), &Options::default())
    };
    assert!(load(&["red", "green", "blue"]).is_ok());
    let error = load(&["red", "blue", "green"]).unwrap_err().to_string();
    assert!(
        error.ends_with("`green` as class 1 in the model, `blue` as class 1 in the file"),
        "{error}"
    );
    let error = load(&["red", "green"]).unwrap_err().to_string();
    assert!(error.ends_with("3 classes in the model, 2 classes in the file"), "{error}");
    fs_err::write(&path, "[\"red\", ").unwrap();
    let error = Model::load(&runtime, folder.path(), &Options::default()).unwrap_err();
    assert!(matches!(error, Error::ReadClasses { .. }), "{error}");
}
