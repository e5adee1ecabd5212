//! A stand-in for a trained model: the network with random weights.

use std::path::Path;
use std::sync::OnceLock;

use candle_core::{Device, Tensor};
use onnx_graph::Model;
use pet_model::{CLASSES_FILE, MODEL_FILE, ModelMetadata, Preprocess, write_classes};
use pet_train::network::{Architecture, FEATURES};
use pet_train::{Weights, to_onnx};

const CLASSES: [&str; 5] = ["Beagle", "Birman", "Boxer", "Great Pyrenees", "Shiba Inu"];

/// The metadata of the stand-in.
pub fn metadata() -> ModelMetadata {
    let classes = CLASSES.map(str::to_owned).to_vec();
    ModelMetadata::new("stand_in", classes, Preprocess::imagenet())
}

/// Weights of MobileNetV2 with a classifier, the same for the same seed.
pub fn classifier_weights(seed: u64) -> Weights {
    classifier_weights_of(Architecture::standard(), seed)
}

/// Weights of any network.
pub fn classifier_weights_of(network: &'static Architecture, seed: u64) -> Weights {
    let classes = CLASSES.len();
    // Different for each class, so that images get different predictions, and as large as initial weights (1/√1280).
    let value = |at: usize| (0.37 * at as f32 + seed as f32).sin() * 0.03;
    let weight: Vec<f32> = (0..classes * FEATURES).map(value).collect();
    let weight = Tensor::from_vec(weight, (classes, FEATURES), &Device::Cpu).unwrap();
    let bias: Vec<f32> = (0..classes).map(|class| value(class) - 0.1).collect();
    let bias = Tensor::from_vec(bias, classes, &Device::Cpu).unwrap();
    let weights = Weights::random_of(network, seed).unwrap();
    weights.with_head(weight, bias)
}

/// A `.safetensors` file with a backbone.
pub fn backbone_bytes() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| Weights::random(7).unwrap().to_safetensors().unwrap())
}

/// A backbone of the network with this name.
pub fn backbone_bytes_of(name: &str) -> Vec<u8> {
    let network = Architecture::named(name).unwrap();
    let weights = Weights::random_of(network, 7).unwrap();
    weights.to_safetensors().unwrap()
}

/// Writes a results folder with the files that prediction needs.
pub fn results_folder(folder: &Path) {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let model = MODEL.get_or_init(|| to_onnx(&classifier_weights(7), &metadata()).unwrap());
    write_results(folder, model);
}

/// Writes a results folder with any network and its preprocessing.
pub fn results_folder_of(network: &'static Architecture, folder: &Path) {
    let mut metadata = metadata();
    metadata.preprocess = network.recipe.clone();
    let model = to_onnx(&classifier_weights_of(network, 7), &metadata).unwrap();
    write_results(folder, &model);
}

fn write_results(folder: &Path, model: &[u8]) {
    fs_err::create_dir_all(folder).unwrap();
    fs_err::write(folder.join(MODEL_FILE), model).unwrap();
    write_classes(&folder.join(CLASSES_FILE), &metadata().classes).unwrap();
}

/// Writes a model file again whose confidence is divided by another temperature.
pub fn set_temperature(file: &Path, temperature: f64) {
    let model = Model::from_bytes(&fs_err::read(file).unwrap()).unwrap();
    let metadata = ModelMetadata::from_properties(model.metadata()).unwrap();
    let properties = metadata.with_temperature(temperature).to_properties().unwrap();
    fs_err::write(file, model.with_properties(properties).to_bytes().unwrap()).unwrap();
}
