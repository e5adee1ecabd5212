//! The model file.

use onnx_graph::{DataType, Dim, Model, Value};
use pet_model::{
    CLASSES_FILE, INPUT_NAME, MODEL_FILE, ModelMetadata, OPSET, OUTPUT_NAME, Preprocess,
    SELECTION_FILE, SIMILARITY_NAME, Selection, read_classes, read_json,
};
use pet_predict::{ImagePredictor, Options};
use pet_tests::{results, runtime};
use sha2::{Digest, Sha256};

/// The backbone has 2.2 million parameters of 4 bytes; twice that would be a mistake.
const SIZES: std::ops::Range<u64> = 8_000_000..20_000_000;

fn model() -> Model {
    Model::from_bytes(&fs_err::read(results().join(MODEL_FILE)).unwrap()).unwrap()
}

fn signature(values: &[Value]) -> Vec<(&str, DataType, Vec<Dim>)> {
    let values = values.iter();
    values
        .map(|value| {
            let of = value.tensor_type();
            (value.name(), of.data_type, of.shape.clone())
        })
        .collect()
}

#[test]
fn size_matches_the_network() {
    let length = fs_err::metadata(results().join(MODEL_FILE)).unwrap().len();
    assert!(SIZES.contains(&length), "{length} bytes");
}

#[test]
fn bytes_match_the_export() {
    let folder = results();
    let selection: Selection = read_json(&folder.join(SELECTION_FILE)).unwrap();
    let bytes = fs_err::read(folder.join(MODEL_FILE)).unwrap();
    let digest = format!("{:x}", Sha256::digest(bytes));
    assert_eq!(Some(digest), selection.model_sha256);
}

#[test]
fn inputs_and_outputs_match_the_contract() {
    let model = model();
    assert_eq!(model.opset(), OPSET);
    assert_eq!(OPSET, 18, "the operator set that other runtimes were promised");
    let batch = Dim::symbol("batch");
    let input = [batch.clone(), 3.into(), 224.into(), 224.into()].to_vec();
    assert_eq!(signature(model.inputs()), [(INPUT_NAME, DataType::F32, input)]);
    let classes = read_classes(&results().join(CLASSES_FILE)).unwrap().len();
    let shape = vec![batch, classes.into()];
    let metadata = ModelMetadata::from_properties(model.metadata()).unwrap();
    let second = metadata.least_similarity.map(|_| SIMILARITY_NAME);
    let expected: Vec<_> = [OUTPUT_NAME]
        .into_iter()
        .chain(second)
        .map(|name| (name, DataType::F32, shape.clone()))
        .collect();
    assert_eq!(signature(model.outputs()), expected);
    let normalized = |node: &onnx_graph::Node| node.op_type() == "BatchNormalization";
    assert!(!model.nodes().iter().any(normalized), "batch normalization is not folded");
}

#[test]
fn metadata_match_the_other_files() {
    let folder = results();
    let metadata = ModelMetadata::from_properties(model().metadata()).unwrap();
    let selection: Selection = read_json(&folder.join(SELECTION_FILE)).unwrap();
    assert_eq!(metadata.classes, read_classes(&folder.join(CLASSES_FILE)).unwrap());
    assert_eq!(metadata.model_name, selection.model_name);
    assert_eq!(metadata.model_version, Some(selection.version));
    assert_eq!(metadata.run_id, Some(selection.run_id));
    assert_eq!(metadata.val_acc, Some(selection.val_acc));
    let (recipe, imagenet) = (metadata.preprocess, Preprocess::imagenet());
    assert_eq!(recipe.size(), imagenet.size());
    assert_eq!(
        (recipe.mean, recipe.standard_deviation),
        (imagenet.mean, imagenet.standard_deviation)
    );
}

#[test]
fn onnx_runtime_runs_any_batch_size() {
    let Some(runtime) = runtime() else { return };
    let predictor = ImagePredictor::load(&runtime, results(), &Options::default()).unwrap();
    let metadata = predictor.metadata();
    for batch in [1, 2, 5] {
        let zeros = vec![0.0; batch * metadata.preprocess.tensor_len()];
        let logits = predictor.run_tensor(&zeros, batch).unwrap();
        assert_eq!(logits.len(), batch * metadata.classes.len());
        assert!(logits.iter().all(|logit| logit.is_finite()), "{logits:?}");
    }
}
