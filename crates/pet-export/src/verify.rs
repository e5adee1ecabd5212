//! Verification of the exported model against the trained one.

use candle_core::{Device, Module, Tensor};
use pet_predict::ImagePredictor;
use pet_train::Classifier;

use crate::Error;

/// The largest difference allowed between two logits of the same image.
pub const TOLERANCE: f32 = 1e-4;

/// Tested batch sizes: one, an odd one, and one that fills vector registers.
const BATCHES: [usize; 3] = [1, 3, 8];

/// Runs the same images in candle and ONNX Runtime, and returns the largest difference between their logits.
///
/// # Errors
///
/// [`Error::Differs`] if it exceeds [`TOLERANCE`], and errors of either.
pub(crate) fn verify(classifier: &Classifier, predictor: &ImagePredictor) -> Result<f32, Error> {
    let size = predictor.metadata().preprocess.size() as usize;
    let mut largest = 0.0_f32;
    for batch in BATCHES {
        let images = test_images(batch, size);
        let tensor = Tensor::from_slice(&images, (batch, 3, size, size), &Device::Cpu)?;
        let expected: Vec<f32> = classifier.forward(&tensor)?.flatten_all()?.to_vec1()?;
        let got = predictor.run_tensor(&images, batch)?;
        let differences = expected.iter().zip(&got).map(|(one, other)| (one - other).abs());
        // A NaN on either side must not pass as "no difference".
        let difference = differences
            .fold(0.0, |most: f32, one| if one.is_nan() { f32::INFINITY } else { most.max(one) });
        if expected.len() != got.len() || difference > TOLERANCE {
            return Err(Error::Differs { batch, expected: TOLERANCE, got: difference });
        }
        largest = largest.max(difference);
    }
    Ok(largest)
}

/// Wave patterns, different for each image and channel, in the range of normalized pixels.
fn test_images(batch: usize, size: usize) -> Vec<f32> {
    let planes = batch * 3;
    let mut values = Vec::with_capacity(planes * size * size);
    for plane in 0..planes {
        let frequency = 1.0 + plane as f32 * 0.7;
        for y in 0..size {
            for x in 0..size {
                let (x, y) = (x as f32 / size as f32, y as f32 / size as f32);
                let wave = (frequency * 6.0 * x + y).sin() + (frequency * 11.0 * y - x).cos();
                values.push(wave + 0.3 * (97.0 * x * y + plane as f32).sin());
            }
        }
    }
    values
}
