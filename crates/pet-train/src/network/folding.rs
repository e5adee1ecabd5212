//! Folding of batch normalization with frozen statistics into the preceding convolution.
//!
//! A layer computes `γ · (w·x − μ) / σ + β`, which is one convolution with `W = w · γ / σ` and `b = β − μ · γ / σ`
//! (Ioffe & Szegedy 2015, section 3.1).

use super::description::Layer;
use crate::{Error, Weights};

/// A convolution with folded batch normalization.
#[non_exhaustive]
pub struct Folded {
    /// `[window · inputs, outputs]`.
    pub weight: Vec<f32>,
    /// `[outputs]`.
    pub bias: Vec<f32>,
}

/// Folds the batch normalization of a layer into its convolution.
///
/// # Errors
///
/// [`Error::MissingTensor`] or [`Error::TensorShape`] if `weights` does not have the layer.
pub fn fold(layer: &Layer, weights: &Weights) -> Result<Folded, Error> {
    let factors = factors(&weights.norm(layer, "weight")?, &weights.deviation(layer)?);
    let (mut weight, mut bias) = (weights.convolution(layer)?, weights.norm(layer, "bias")?);
    scale_rows(&mut weight, &factors);
    add_shifts(&mut bias, &factors, &weights.norm(layer, "running_mean")?);
    Ok(Folded { weight, bias })
}

/// γ / σ of each channel.
pub(crate) fn factors(scales: &[f32], deviations: &[f32]) -> Vec<f32> {
    let pairs = scales.iter().zip(deviations);
    pairs.map(|(scale, deviation)| scale / deviation).collect()
}

/// Replaces w by W; outputs are contiguous.
pub(crate) fn scale_rows(weight: &mut [f32], factors: &[f32]) {
    for row in weight.chunks_exact_mut(factors.len()) {
        row.iter_mut().zip(factors).for_each(|(weight, factor)| *weight *= factor);
    }
}

/// Replaces β by b.
pub(crate) fn add_shifts(bias: &mut [f32], factors: &[f32], means: &[f32]) {
    for ((shift, factor), mean) in bias.iter_mut().zip(factors).zip(means) {
        *shift -= mean * factor;
    }
}
