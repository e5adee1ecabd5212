//! The layout of all trained values in one flat vector, and the folding of batch normalization into the convolutions.
//!
//! Values, gradients, moments and averages are vectors of the same layout, so that the optimizer is a plain loop.

use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::architecture::{FEATURES, Layer};
use crate::network::{add_shifts, factors, scale_rows};
use crate::weights::transposed;
use crate::{Error, Weights};

/// A convolution with batch normalization `γ · (x − μ) / σ + β`, whose statistics μ and σ are frozen.
#[derive(Clone, Debug)]
pub(crate) struct TrainedLayer {
    pub(crate) layer: Layer,
    /// `[window · inputs, outputs]`, outputs contiguous.
    pub(crate) weight: Range<usize>,
    /// γ, `[outputs]`.
    pub(crate) scale: Range<usize>,
    /// β, `[outputs]`.
    pub(crate) shift: Range<usize>,
    /// μ, `[outputs]`.
    pub(crate) mean: Vec<f32>,
    /// σ, `[outputs]`.
    pub(crate) deviation: Vec<f32>,
}

/// A sequence of layers, with a skip connection if `residual`.
#[derive(Clone, Debug)]
pub(crate) struct TrainedBlock {
    pub(crate) layers: Vec<TrainedLayer>,
    pub(crate) residual: bool,
}

/// The trained blocks and the head.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) blocks: Vec<TrainedBlock>,
    /// `[1280, classes]`.
    pub(crate) head_weight: Range<usize>,
    /// `[classes]`.
    pub(crate) head_bias: Range<usize>,
}

impl Layout {
    /// The layout of the blocks from `first_block` on, and a head for `classes` classes.
    pub(crate) fn new(
        weights: &Weights,
        first_block: usize,
        classes: usize,
    ) -> Result<Self, Error> {
        let mut end = 0;
        let blocks = &weights.architecture().blocks;
        let trained = blocks.get(first_block..).unwrap_or_default().iter();
        let blocks = trained.map(|block| {
            let layers = block.layers.iter();
            let layers = layers.map(|layer| TrainedLayer::new(layer, weights, &mut end));
            let layers = layers.collect::<Result<_, Error>>()?;
            Ok(TrainedBlock { layers, residual: block.residual })
        });
        let blocks = blocks.collect::<Result<_, Error>>()?;
        Ok(Self {
            blocks,
            head_weight: take(&mut end, FEATURES * classes),
            head_bias: take(&mut end, classes),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.head_bias.end
    }

    pub(crate) fn classes(&self) -> usize {
        self.head_bias.len()
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &TrainedLayer> {
        self.blocks.iter().flat_map(|block| &block.layers)
    }

    /// Collects the values of `weights`, including the head.
    pub(crate) fn gather(&self, weights: &Weights) -> Result<Vec<f32>, Error> {
        let mut values = vec![0.0; self.len()];
        for trained in self.layers() {
            let layer = &trained.layer;
            values[trained.weight.clone()].copy_from_slice(&weights.convolution(layer)?);
            values[trained.scale.clone()].copy_from_slice(&weights.norm(layer, "weight")?);
            values[trained.shift.clone()].copy_from_slice(&weights.norm(layer, "bias")?);
        }
        let (weight, bias) = weights.head(self.classes())?;
        values[self.head_weight.clone()].copy_from_slice(&transposed(weight)?);
        values[self.head_bias.clone()].copy_from_slice(&bias.to_vec1::<f32>()?);
        Ok(values)
    }

    /// Replaces the trained values of `weights` by `values`.
    pub(crate) fn scatter(&self, values: &[f32], weights: &Weights) -> Result<Weights, Error> {
        let mut tensors = Vec::new();
        for TrainedLayer { layer, weight, scale, shift, .. } in self.layers() {
            let shape = layer.weight_shape();
            let rows = weight.len() / layer.outputs;
            let matrix =
                Tensor::from_slice(&values[weight.clone()], (rows, layer.outputs), &Device::Cpu)?;
            let weight = matrix.t()?.contiguous()?.reshape(&shape)?;
            tensors.push((format!("{}.weight", layer.convolution_name), weight));
            for (part, range) in [("weight", scale), ("bias", shift)] {
                let tensor =
                    Tensor::from_slice(&values[range.clone()], layer.outputs, &Device::Cpu)?;
                tensors.push((format!("{}.{part}", layer.norm_name), tensor));
            }
        }
        let classes = self.classes();
        let head = &values[self.head_weight.clone()];
        let head = Tensor::from_slice(head, (FEATURES, classes), &Device::Cpu)?;
        let bias = Tensor::from_slice(&values[self.head_bias.clone()], classes, &Device::Cpu)?;
        let weights = weights.clone().with_tensors(tensors);
        Ok(weights.with_head(head.t()?.contiguous()?, bias))
    }

    /// The folded values, with W in place of w and b in place of β; γ is unused, and the head unchanged.
    pub(crate) fn fold(&self, values: &[f32]) -> Vec<f32> {
        let mut folded = values.to_vec();
        for layer in self.layers() {
            let factors = layer.factors(values);
            scale_rows(&mut folded[layer.weight.clone()], &factors);
            add_shifts(&mut folded[layer.shift.clone()], &factors, &layer.mean);
        }
        folded
    }

    /// Replaces the gradient of the folded values by that of `values`: those of w, γ and β follow from those of the folded
    /// W and b by the chain rule.
    pub(crate) fn unfold_gradient(&self, values: &[f32], gradient: &mut [f32]) {
        for layer in self.layers() {
            let outputs = layer.layer.outputs;
            let factors = layer.factors(values);
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
}

impl TrainedLayer {
    fn new(layer: &Layer, weights: &Weights, end: &mut usize) -> Result<Self, Error> {
        Ok(Self {
            weight: take(end, layer.weight_shape().iter().product()),
            scale: take(end, layer.outputs),
            shift: take(end, layer.outputs),
            mean: weights.norm(layer, "running_mean")?,
            deviation: weights.deviation(layer)?,
            layer: layer.clone(),
        })
    }

    /// γ / σ of each channel.
    fn factors(&self, values: &[f32]) -> Vec<f32> {
        factors(&values[self.scale.clone()], &self.deviation)
    }
}

/// The next `count` positions.
fn take(end: &mut usize, count: usize) -> Range<usize> {
    let start = *end;
    *end += count;
    start..*end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gathered_is_scattered_to_where_it_came_from() {
        let weights = Weights::random(1).unwrap();
        let head = Tensor::arange(0f32, 2560., &Device::Cpu).unwrap();
        let weights = weights.with_head(
            head.reshape((2, 1280)).unwrap(),
            Tensor::new(&[1f32, 2.], &Device::Cpu).unwrap(),
        );
        let layout = Layout::new(&weights, 0, 2).unwrap();
        // 2,223,872 in the backbone, and the head.
        assert_eq!(layout.len(), 2_223_872 + 1281 * 2);
        let mut values = layout.gather(&weights).unwrap();
        let same = layout.scatter(&values, &weights).unwrap();
        assert_eq!(same.digest().unwrap(), weights.digest().unwrap());
        values[layout.head_weight.start + 1] = 7.0;
        let other = layout.scatter(&values, &weights).unwrap();
        let (head, _) = other.head(2).unwrap();
        // The second value of the transposed matrix is class 1 of feature 0.
        assert_eq!(head.to_vec2::<f32>().unwrap()[1][0].to_bits(), 7f32.to_bits());
    }
}
