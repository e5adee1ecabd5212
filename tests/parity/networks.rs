//! Every network computes the same in ONNX Runtime as in candle.

use pet_model::MODEL_FILE;
use pet_predict::{Explainer, ImagePredictor, Model, Options};
use pet_tests::{classifier_weights_of, results_folder_of, runtime, sample_pictures};
use pet_train::Classifier;
use pet_train::network::{Architecture, architectures};

use crate::compare::compare;

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
        let model = onnx_graph::Model::from_bytes(&bytes).unwrap();
        let layers = onnx_graph::Quantizer::new(&model).layers();
        assert_eq!(layers.len(), network.layers().count(), "{}", network.name);
    }
}

#[test]
fn predictions_are_explained() {
    let Some(runtime) = runtime() else { return };
    for network in other_networks() {
        let place = tempfile::tempdir().unwrap();
        results_folder_of(network, place.path());
        let model = Model::load(&runtime, place.path(), &Options::default()).unwrap();
        let mut explainer = Explainer::new(&model).unwrap();
        explainer.explain(&sample_pictures(1)[0], None).unwrap();
    }
}
