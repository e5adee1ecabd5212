//! Every network computes the same in ONNX Runtime as in candle, and so does the model of the results folder.

use candle_core::{Device, Module, Tensor};
use onnx_graph::{Model, Quantizer};
use pet_model::MODEL_FILE;
use pet_predict::{Explainer, ImagePredictor, Options, Precision};
use pet_tests::{
    classifier_weights_of, largest_difference, photographs, results, results_folder_of, runtime,
    sample_pictures, tensors,
};
use pet_train::network::{Architecture, Layer, architectures};
use pet_train::{Classifier, Weights};

/// Largest difference between two logits that the project guarantees.
const TOLERANCE: f32 = 1e-4;
const BATCHES: [usize; 3] = [1, 3, 8];

/// Compares the logits of generated images and, if available, photographs.
pub(crate) fn compare(classifier: &Classifier, predictor: &ImagePredictor) {
    compare_on(&sample_pictures(8), classifier, predictor);
    if let Some(photographs) = photographs() {
        let eight = photographs.iter().step_by(photographs.len().div_ceil(8));
        let files: Vec<_> = eight.map(|file| fs_err::read(file).unwrap()).collect();
        assert_eq!(files.len(), 8);
        compare_on(&files, classifier, predictor);
    }
}

fn compare_on(files: &[Vec<u8>], classifier: &Classifier, predictor: &ImagePredictor) {
    let recipe = &predictor.metadata().preprocess;
    let size = recipe.size() as usize;
    for batch in BATCHES {
        let images = tensors(recipe, &files[..batch]);
        let tensor = Tensor::from_slice(&images, (batch, 3, size, size), &Device::Cpu).unwrap();
        let trained: Vec<f32> =
            classifier.forward(&tensor).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let served = predictor.run_tensor(&images, batch).unwrap();
        let difference = largest_difference(&trained, &served);
        assert!(difference <= TOLERANCE, "batch {batch}: they differ by {difference:e}");
        let spread = trained.iter().fold(0.0, |most: f32, logit| most.max(logit.abs()));
        assert!(spread > 0.1, "logits this small ({spread}) prove nothing");
    }
}

fn other_networks() -> impl Iterator<Item = &'static Architecture> {
    architectures().iter().skip(1)
}

#[test]
fn onnx_runtime_matches_candle() {
    let Some(runtime) = runtime() else { return };
    for network in other_networks() {
        let place = tempfile::tempdir().unwrap();
        results_folder_of(network, place.path());
        let predictor = ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap();
        assert_eq!(predictor.metadata().preprocess, network.recipe);
        let classes = predictor.metadata().classes.len();
        let classifier = Classifier::new(&classifier_weights_of(network, 7), classes).unwrap();
        compare(&classifier, &predictor);
    }
}

/// The quantizer finds all convolutions, whatever their padding.
#[test]
fn every_convolution_can_be_quantized() {
    for network in other_networks() {
        let place = tempfile::tempdir().unwrap();
        results_folder_of(network, place.path());
        let bytes = fs_err::read(place.path().join(MODEL_FILE)).unwrap();
        let model = Model::from_bytes(&bytes).unwrap();
        let layers = Quantizer::new(&model).layers();
        assert_eq!(layers.len(), network.layers().count(), "{}", network.name);
    }
}

#[test]
fn predictions_are_explained() {
    let Some(runtime) = runtime() else { return };
    for network in other_networks() {
        let place = tempfile::tempdir().unwrap();
        results_folder_of(network, place.path());
        let model = pet_predict::Model::load(&runtime, place.path(), &Options::default()).unwrap();
        let mut explainer = Explainer::new(&model).unwrap();
        explainer.explain(&sample_pictures(1)[0], None).unwrap();
    }
}

#[test]
fn served_model_matches_candle() {
    let Some(runtime) = runtime() else { return };
    let folder = results();
    let options = Options::default().with_precision(Some(Precision::Fp32));
    let predictor = ImagePredictor::load(&runtime, &folder, &options).unwrap();
    let model = Model::from_bytes(&fs_err::read(folder.join(MODEL_FILE)).unwrap()).unwrap();
    let classes = predictor.metadata().classes.len();
    let classifier = Classifier::new(&weights(&model), classes).unwrap();
    compare(&classifier, &predictor);
}

/// The weights of a model. Its batch normalization has been folded, and is replaced by one that only adds the bias.
fn weights(model: &Model) -> Weights {
    let layers = Architecture::standard().layers();
    let tensors = layers.flat_map(|layer| layer_tensors(model, layer));
    let head = ["classifier.weight", "classifier.bias"].map(|name| initializer(model, name));
    let [weight, bias] = head;
    Weights::from_tensors(tensors).with_head(weight, bias)
}

fn layer_tensors(model: &Model, layer: &Layer) -> Vec<(String, Tensor)> {
    let name = &layer.convolution_name;
    let constant = |value: f32| Tensor::full(value, layer.outputs, &Device::Cpu).unwrap();
    let norm = [
        ("weight", constant(1.0)),
        ("bias", initializer(model, &format!("{name}.bias"))),
        ("running_mean", constant(0.0)),
        ("running_var", constant((1.0 - layer.epsilon) as f32)),
    ];
    let norm = norm.map(|(part, tensor)| (format!("{}.{part}", layer.norm_name), tensor));
    let weight = format!("{name}.weight");
    let convolution = initializer(model, &weight);
    std::iter::once((weight, convolution)).chain(norm).collect()
}

fn initializer(model: &Model, name: &str) -> Tensor {
    let tensor = model.graph().find_initializer(name).unwrap_or_else(|| panic!("no `{name}`"));
    let values: Vec<f32> = tensor.values().unwrap();
    Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap()
}
