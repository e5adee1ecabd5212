//! Batch normalization with frozen statistics, folded into the convolution before it, there and back.
//!
//! A layer computes `γ · (w·x − μ) / σ + β`, which is one convolution with `W = w · γ / σ` and `b = β − μ · γ / σ`
//! (Ioffe & Szegedy 2015, section 3.1). The gradients of w, γ and β follow from those of W and b by the chain rule.

use super::layout::{Layout, TrainedLayer};

/// The folded values: W where w lies, b where β lies; the head as it is. γ's places are not used.
pub(crate) fn fold(layout: &Layout, values: &[f32]) -> Vec<f32> {
    let mut folded = values.to_vec();
    for layer in layout.layers() {
        let outputs = layer.layer.outputs;
        let factors = factors(layer, values);
        for row in folded[layer.weight.clone()].chunks_exact_mut(outputs) {
            row.iter_mut()
                .zip(&factors)
                .for_each(|(weight, factor)| *weight *= factor);
        }
        let shift = folded[layer.shift.clone()].iter_mut();
        for ((shift, factor), mean) in shift.zip(&factors).zip(&layer.mean) {
            *shift -= mean * factor;
        }
    }
    folded
}

/// Turns the gradient of the folded values into that of `values`, in place.
pub(crate) fn unfold_gradient(layout: &Layout, values: &[f32], gradient: &mut [f32]) {
    for layer in layout.layers() {
        let outputs = layer.layer.outputs;
        let factors = factors(layer, values);
        // Σ over the window of dW · w, which is the gradient of γ / σ by way of W.
        let mut by_weight = vec![0.0; outputs];
        let weights = values[layer.weight.clone()].chunks_exact(outputs);
        let gradients = gradient[layer.weight.clone()].chunks_exact_mut(outputs);
        for (weights, gradients) in weights.zip(gradients) {
            for channel in 0..outputs {
                by_weight[channel] += gradients[channel] * weights[channel];
                gradients[channel] *= factors[channel];
            }
        }
        for channel in 0..outputs {
            let by_shift = gradient[layer.shift.start + channel] * layer.mean[channel];
            gradient[layer.scale.start + channel] =
                (by_weight[channel] - by_shift) / layer.deviation[channel];
        }
    }
}

/// γ / σ for each channel.
fn factors(layer: &TrainedLayer, values: &[f32]) -> Vec<f32> {
    let scales = values[layer.scale.clone()].iter();
    scales
        .zip(&layer.deviation)
        .map(|(scale, deviation)| scale / deviation)
        .collect()
}
