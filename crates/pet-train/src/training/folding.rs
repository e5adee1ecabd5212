//! Folding of batch normalization into the convolutions, and its gradient: those of w, γ and β follow from those of the
//! folded W and b by the chain rule.

use super::layout::{Layout, TrainedLayer};
use crate::network::{add_shifts, factors, scale_rows};

/// The folded values, with W in place of w and b in place of β; γ is unused, and the head unchanged.
pub(crate) fn fold(layout: &Layout, values: &[f32]) -> Vec<f32> {
    let mut folded = values.to_vec();
    for layer in layout.layers() {
        let factors = factors_of(layer, values);
        scale_rows(&mut folded[layer.weight.clone()], &factors);
        add_shifts(&mut folded[layer.shift.clone()], &factors, &layer.mean);
    }
    folded
}

/// Replaces the gradient of the folded values by that of `values`.
pub(crate) fn unfold_gradient(layout: &Layout, values: &[f32], gradient: &mut [f32]) {
    for layer in layout.layers() {
        let outputs = layer.layer.outputs;
        let factors = factors_of(layer, values);
        // Σ dW · w over the window: the gradient of γ / σ through W.
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

fn factors_of(layer: &TrainedLayer, values: &[f32]) -> Vec<f32> {
    factors(&values[layer.scale.clone()], &layer.deviation)
}
