//! Training and serving have the same preprocessing.

use candle_core::{Device, Module, Tensor};
use pet_image::{Preprocess, Resize};
use pet_model::ModelMetadata;
use pet_predict::{ImagePredictor, Options};
use pet_tests::{classifier_weights, metadata, results_folder, runtime, sample_pictures, tensors};
use pet_train::Classifier;

use crate::support::predictors;

#[test]
fn model_has_a_known_recipe() {
    let resizes = [Resize::Stretch { size: 224 }, Resize::CenterCrop { resize: 256, size: 224 }];
    for predictor in predictors() {
        let recipe = predictor.metadata().preprocess.clone();
        let offered = resizes.map(|resize| Preprocess { resize, ..Preprocess::imagenet() });
        assert!(offered.contains(&recipe), "{recipe:?}");
    }
}

/// Compares the serving path with the training path.
#[test]
fn served_probability_equals_that_of_the_trained_network() {
    let Some(runtime) = runtime() else { return };
    let place = tempfile::tempdir().unwrap();
    results_folder(place.path());
    let predictor = ImagePredictor::load(&runtime, place.path(), &Options::default()).unwrap();
    let ModelMetadata { classes, preprocess, .. } = metadata();
    let classifier = Classifier::new(&classifier_weights(7), classes.len()).unwrap();
    for picture in sample_pictures(3) {
        let tensor = tensors(&preprocess, &[&picture]);
        let size = preprocess.size() as usize;
        let tensor = Tensor::from_vec(tensor, (1, 3, size, size), &Device::Cpu).unwrap();
        let logits: Vec<f32> =
            classifier.forward(&tensor).unwrap().squeeze(0).unwrap().to_vec1().unwrap();
        let served = predictor.predict(&picture).unwrap();
        // The logarithm of a ratio of probabilities is a difference of logits.
        let share = served.probabilities();
        for (class, logit) in logits.iter().enumerate() {
            let got = (share[class] / share[0]).ln();
            assert!((got - (logit - logits[0])).abs() < 1e-3, "{got} {}", logit - logits[0]);
        }
    }
}
