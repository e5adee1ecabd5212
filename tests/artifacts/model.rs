//! The model file, as ONNX checks and runs it, and the model in 8-bit integers, if there is one.

use std::path::PathBuf;
use std::process::Command;

use onnx_graph::{DataType, Dim, Model, Value};
use pet_model::{
    CLASSES_FILE, INPUT_NAME, METRICS_FILE, MODEL_FILE, Metrics, ModelMetadata, OPSET, OUTPUT_NAME,
    Precision, Preprocess, SELECTION_FILE, SIMILARITY_NAME, Selection, read_classes, read_json,
};
use pet_predict::{ImagePredictor, Options};
use pet_tests::{python_with_onnx, recipe, results, results_are_committed, runtime, sha256};

/// The backbone has 2.2 million parameters of 4 bytes; twice that would be a mistake.
const SIZES: std::ops::Range<u64> = 8_000_000..20_000_000;

const CHECK: &str = "
import sys, onnx
model = onnx.load(sys.argv[1])
onnx.checker.check_model(model, full_check=True)
inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
[opset] = model.opset_import
print(opset.version)
for output in inferred.graph.output:
    print(output.name, *[dim.dim_param or dim.dim_value for dim in output.type.tensor_type.shape.dim])
";

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
    assert_eq!(Some(sha256(&bytes)), selection.model_sha256);
}

#[test]
fn inputs_and_outputs_match_the_contract() {
    let model = model();
    assert_eq!(model.opset(), OPSET);
    assert_eq!(OPSET, 18, "the operator set that other runtimes were promised");
    let batch = Dim::symbol("batch");
    let size = Dim::fixed(recipe().size() as usize);
    let input = vec![batch.clone(), 3.into(), size.clone(), size];
    assert_eq!(signature(model.graph().inputs()), [(INPUT_NAME, DataType::F32, input)]);
    let classes = read_classes(&results().join(CLASSES_FILE)).unwrap().len();
    let shape = vec![batch, classes.into()];
    let metadata = ModelMetadata::from_properties(model.metadata()).unwrap();
    let second = metadata.least_similarity.map(|_| SIMILARITY_NAME);
    let expected: Vec<_> = [OUTPUT_NAME]
        .into_iter()
        .chain(second)
        .map(|name| (name, DataType::F32, shape.clone()))
        .collect();
    assert_eq!(signature(model.graph().outputs()), expected);
    let normalized = |node: &onnx_graph::Node| node.op_type() == "BatchNormalization";
    assert!(!model.graph().nodes().iter().any(normalized), "batch normalization is not folded");
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
    assert!([208, imagenet.size()].contains(&recipe.size()), "{recipe:?}");
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

#[test]
fn onnx_checker_accepts_the_model() {
    let Some(python) = python_with_onnx() else { return };
    let folder = results();
    let classes = read_classes(&folder.join(CLASSES_FILE)).unwrap().len();
    let output =
        Command::new(python).args(["-c", CHECK]).arg(folder.join(MODEL_FILE)).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("18"));
    assert_eq!(lines.next(), Some(&*format!("output batch {classes}")));
    // If the model detects unknown images.
    let similarity = format!("similarity batch {classes}");
    assert!(lines.all(|line| line == similarity), "{said}");
}

/// The file, if it exists; the committed results have one.
fn int8_file() -> Option<PathBuf> {
    let file = results().join(Precision::Int8.file());
    assert!(file.exists() || !results_are_committed());
    file.exists().then_some(file)
}

#[test]
fn int8_bytes_match_the_export() {
    let selection: Selection = read_json(&results().join(SELECTION_FILE)).unwrap();
    let digest = int8_file().map(|file| sha256(&fs_err::read(file).unwrap()));
    assert_eq!(digest, selection.int8_sha256);
}

#[test]
fn int8_metadata_matches_except_for_measurements() {
    let Some(file) = int8_file() else { return };
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
    let Some(file) = int8_file() else {
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
    let Some(file) = int8_file() else { return };
    let load = |precision| {
        let options = Options::default().with_precision(precision);
        ImagePredictor::load(&runtime, results(), &options).unwrap()
    };
    assert_eq!(load(None).model().path(), file);
    let floats = load(Some(Precision::Fp32));
    assert_eq!(floats.metadata().precision, Precision::Fp32);
}
