//! The frozen network, from images to features, with batch normalization folded into the convolutions.

use std::borrow::Cow;

use candle_core::{CpuStorage, CustomOp1, Layout, Module, Shape, Tensor, bail};

pub use crate::architecture::{Architecture, Block, Convolution, FEATURES, Layer, architectures};
use crate::kernel::dense::{self, PLANES};
use crate::kernel::inverted_residual::{Depthwise, InvertedResidual, Pointwise};
use crate::{Error, Padding, Weights, Window};

/// A network without its head, `[batch, 3, size, size]` to `[batch, 1280]`, or its first blocks, to
/// `[batch, height, width, channels]`.
///
/// Batch normalization is folded into the convolutions with its running statistics. Activations are channels last, and
/// each inverted residual block is computed at once. It has no gradient.
pub struct Backbone {
    stages: Vec<Stage>,
    blocks: &'static [Block],
    /// Whether the output is averaged over all positions.
    pooled: bool,
}

enum Stage {
    Stem(Pointwise, Padding),
    Block(InvertedResidual),
    Pointwise(Pointwise),
}

impl Backbone {
    /// Builds the network of the weights' architecture.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if a tensor is missing or has the wrong shape.
    pub fn new(weights: &Weights) -> Result<Self, Error> {
        Self::first(weights, weights.architecture().blocks.len())
    }

    /// Builds the first `count` blocks, or the same as [`new`](Self::new) for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if a tensor is missing or has the wrong shape.
    pub fn first(weights: &Weights, count: usize) -> Result<Self, Error> {
        let all = &weights.architecture().blocks;
        let blocks = &all[..count.min(all.len())];
        let stages = blocks.iter().map(|block| Stage::new(block, weights));
        Ok(Self { stages: stages.collect::<Result<_, _>>()?, blocks, pooled: count >= all.len() })
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.stages.len()
    }

    /// The number of output values for one image of `size` × `size` pixels.
    pub fn output_values(&self, size: usize) -> usize {
        let [side, channels] = self.output(size);
        if self.pooled { channels } else { side * side * channels }
    }

    /// Side length and channels of the output before pooling.
    fn output(&self, size: usize) -> [usize; 2] {
        let side = self.blocks.iter().fold(size, |side, block| block.output_side(side));
        let last = self.blocks.iter().flat_map(|block| &block.layers).next_back();
        [side, last.map_or(PLANES, |layer| layer.outputs)]
    }
}

impl Stage {
    fn new(block: &Block, weights: &Weights) -> Result<Self, Error> {
        match block.layers.as_slice() {
            [layer] if layer.convolution == Convolution::Stem => {
                Ok(Self::Stem(frozen_pointwise(layer, weights)?, layer.padding))
            }
            [layer] => Ok(Self::Pointwise(frozen_pointwise(layer, weights)?)),
            [expand @ .., filter, project] => Ok(Self::Block(InvertedResidual {
                expand: expand.first().map(|layer| frozen_pointwise(layer, weights)).transpose()?,
                filter: frozen_depthwise(filter, weights)?,
                project: frozen_pointwise(project, weights)?,
                residual: block.residual,
            })),
            [] => Err(Error::MissingTensor { name: block.name.clone() }),
        }
    }

    fn run(&self, input: &[f32], side: usize) -> Vec<f32> {
        match self {
            Self::Stem(layer, padding) => {
                let axis = dense::stem_axis(side, *padding);
                dense::stem(input, layer.matrix(), &layer.bias, layer.activation, axis)
            }
            Self::Block(block) => block.forward(input, side, side),
            Self::Pointwise(layer) => {
                dense::pointwise(input, layer.matrix(), &layer.bias, layer.activation)
            }
        }
    }
}

fn frozen_pointwise(layer: &Layer, weights: &Weights) -> Result<Pointwise, Error> {
    let Folded { weight, bias } = fold(layer, weights)?;
    Ok(Pointwise { weight, bias, activation: layer.activation })
}

fn frozen_depthwise(layer: &Layer, weights: &Weights) -> Result<Depthwise, Error> {
    let Folded { weight, bias } = fold(layer, weights)?;
    let window = match layer.convolution {
        Convolution::Depthwise { window, .. } => window,
        Convolution::Stem | Convolution::Pointwise => Window::Three,
    };
    Ok(Depthwise {
        weight,
        bias,
        activation: layer.activation,
        window,
        stride: layer.convolution.stride(),
        padding: layer.padding,
    })
}

impl Module for Backbone {
    fn forward(&self, images: &Tensor) -> candle_core::Result<Tensor> {
        if self.stages.is_empty() {
            return Ok(images.clone());
        }
        let output = images.contiguous()?.apply_op1_no_bwd(&Frozen(self))?;
        if self.pooled { output.mean((1, 2)) } else { Ok(output) }
    }
}

/// A backbone as an operation of candle, without the pooling.
struct Frozen<'a>(&'a Backbone);

impl CustomOp1 for Frozen<'_> {
    fn name(&self) -> &'static str {
        "frozen-backbone"
    }

    fn cpu_fwd(
        &self,
        images: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, size) = match *layout.dims() {
            [batch, PLANES, height, width] if height == width && height > 0 => (batch, height),
            ref got => bail!("the network's input is [batch, 3, size, size], got {got:?}"),
        };
        let start = layout.start_offset();
        let images = &images.as_slice::<f32>()?[start..start + layout.shape().elem_count()];
        let (mut values, mut side) = (Cow::Borrowed(images), size);
        for (stage, block) in self.0.stages.iter().zip(self.0.blocks) {
            values = stage.run(&values, side).into();
            side = block.output_side(side);
        }
        let [_, channels] = self.0.output(size);
        Ok((CpuStorage::F32(values.into_owned()), (batch, side, side, channels).into()))
    }
}

/// A convolution with folded batch normalization with frozen statistics: a layer computes `γ · (w·x − μ) / σ + β`, which is
/// one convolution with `W = w · γ / σ` and `b = β − μ · γ / σ` (Ioffe & Szegedy 2015, section 3.1).
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
