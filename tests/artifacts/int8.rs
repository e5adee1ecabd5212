//! The model in 8-bit integers, if there is one.

use std::path::PathBuf;

use onnx_graph::Model;
use pet_model::{
    METRICS_FILE, Metrics, ModelMetadata, Precision, SELECTION_FILE, Selection, read_json,
};
use pet_predict::{ImagePredictor, Options};
use pet_tests::{results, results_are_committed, runtime};
use sha2::{Digest, Sha256};

/// The file, if it exists; the committed results have one.
fn file() -> Option<PathBuf> {
    let file = results().join(Precision::Int8.file());
    assert!(file.exists() || !results_are_committed());
    file.exists().then_some(file)
}

#[test]
fn bytes_match_the_export() {
    let selection: Selection = read_json(&results().join(SELECTION_FILE)).unwrap();
    let digest = file().map(|file| format!("{:x}", Sha256::digest(fs_err::read(file).unwrap())));
    assert_eq!(digest, selection.int8_sha256);
}

#[test]
fn int8_metadata_matches_except_for_measurements() {
    let Some(file) = file() else { return };
    let [floats, integers] = [results().join(Precision::Fp32.file()), file].map(|file| {
        let model = Model::from_bytes(&fs_err::read(file).unwrap()).unwrap();
        ModelMetadata::from_properties(model.metadata()).unwrap()
    });
    let least = [floats.least_similarity, integers.least_similarity];
    assert_eq!(least[0].is_some(), least[1].is_some(), "{least:?}");
    let references = [&floats, &integers].map(|one| one.reference.is_some());
    assert_eq!(references[0], references[1], "{references:?}");
    assert!(references[0] || !results_are_committed());
    let [floats, integers] = [floats, integers].map(ModelMetadata::without_measurements);
    assert_eq!(floats.with_precision(Precision::Int8), integers);
}

#[test]
fn int8_metrics_pass_the_gate() {
    let metrics: Metrics = read_json(&results().join(METRICS_FILE)).unwrap();
    let Some(file) = file() else {
        assert_eq!(metrics.quantization, None);
        return;
    };
    let figures = metrics.quantization.unwrap();
    let gate = pet_export::Gate::default();
    assert!(figures.top1_fp32 - figures.top1_int8 <= gate.loss + 1e-9, "{figures:?}");
    assert!(1.0 - figures.agreement <= gate.differing + 1e-9, "{figures:?}");
    assert_eq!(figures.bytes_int8, fs_err::metadata(file).unwrap().len());
}

#[test]
fn int8_is_served_by_default() {
    let Some(runtime) = runtime() else { return };
    let Some(file) = file() else { return };
    let load = |precision| {
        let options = Options::default().with_precision(precision);
        ImagePredictor::load(&runtime, results(), &options).unwrap()
    };
    assert_eq!(load(None).model().path(), file);
    let floats = load(Some(Precision::Fp32));
    assert_eq!(floats.metadata().precision, Precision::Fp32);
}
