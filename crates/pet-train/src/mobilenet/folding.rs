//! Batch normalization with frozen statistics, folded into the convolution before it.

use candle_core::Tensor;

use super::architecture::{EPSILON, Layer};
use crate::{Error, Weights};

/// A convolution that already contains its batch normalization.
pub struct Folded {
    /// `[outputs, inputs per group, height, width]`.
    pub weight: Tensor,
    /// `[outputs]`.
    pub bias: Tensor,
}

/// Folds `γ · (conv(x) − μ) / √(σ² + ε) + β` into one convolution with weight `w · γ / √(σ² + ε)` and bias
/// `β − μ · γ / √(σ² + ε)` (Ioffe & Szegedy 2015, section 3.1).
///
/// # Errors
///
/// [`Error::MissingTensor`] or [`Error::TensorShape`] when `weights` does not hold the layer.
pub fn fold(layer: &Layer, weights: &Weights) -> Result<Folded, Error> {
    let outputs = layer.outputs;
    let norm = |part: &str| weights.get(&format!("{}.{part}", layer.norm_name), &[outputs]);
    let name = format!("{}.weight", layer.convolution_name);
    let weight = weights.get(&name, &layer.weight_shape())?;
    let deviation = (norm("running_var")? + EPSILON)?.sqrt()?;
    let scale = norm("weight")?.div(&deviation)?;
    let bias = norm("bias")?.sub(&norm("running_mean")?.mul(&scale)?)?;
    Ok(Folded {
        weight: weight.broadcast_mul(&scale.reshape((outputs, 1, 1, 1))?)?,
        bias,
    })
}
