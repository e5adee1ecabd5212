//! Comparison of both implementations.

use candle_core::{Device, Module, Tensor};
use pet_predict::ImagePredictor;
use pet_tests::{largest_difference, photographs, sample_pictures, tensors};
use pet_train::Classifier;

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
