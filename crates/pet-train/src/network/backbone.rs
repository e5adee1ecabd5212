//! The frozen network, from images to features.

use candle_core::{Device, Module, Result, Tensor};

use super::description::{Block, Convolution, Layer};
use super::folding::{Folded, fold};
use crate::kernel::inverted_residual::{Depthwise, InvertedResidual, Pointwise};
use crate::op::{inverted_residual, pointwise, stem};
use crate::{Activation, Error, Padding, Weights, Window};

/// A network without its head, `[batch, 3, size, size]` to `[batch, 1280]`, or its first blocks, to
/// `[batch, height, width, channels]`.
///
/// Batch normalization is folded into the convolutions with its running statistics. Activations are channels last, and
/// each inverted residual block is one operation.
pub struct Backbone {
    stages: Vec<Stage>,
    layers: Vec<Layer>,
    /// Whether the output is averaged over all positions.
    pooled: bool,
}

enum Stage {
    Stem(Dense),
    Block(InvertedResidual),
    Pointwise(Dense),
}

/// A convolution over all channels with `weight` `[inputs · window, outputs]`.
struct Dense {
    weight: Tensor,
    bias: Tensor,
    padding: Padding,
    activation: Activation,
}

impl Backbone {
    /// Builds the network of the weights' architecture.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if a tensor is missing or has the wrong shape.
    pub fn new(weights: &Weights) -> std::result::Result<Self, Error> {
        Self::first(weights, weights.architecture().blocks.len())
    }

    /// Builds the first `count` blocks, or the same as [`new`](Self::new) for all of them.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if a tensor is missing or has the wrong shape.
    pub fn first(weights: &Weights, count: usize) -> std::result::Result<Self, Error> {
        let all = &weights.architecture().blocks;
        let blocks = &all[..count.min(all.len())];
        let stages = blocks.iter().map(|block| Stage::new(block, weights));
        Ok(Self {
            stages: stages.collect::<std::result::Result<_, _>>()?,
            layers: blocks.iter().flat_map(|block| block.layers.clone()).collect(),
            pooled: count >= all.len(),
        })
    }

    /// The number of blocks.
    pub fn blocks(&self) -> usize {
        self.stages.len()
    }

    /// The number of output values for one image of `size` × `size` pixels.
    pub fn output_values(&self, size: usize) -> usize {
        let layers = self.layers.iter();
        let side = layers.fold(size, |side, layer| layer.output_side(side));
        let channels = self.layers.last().map_or(3, |layer| layer.outputs);
        if self.pooled { channels } else { side * side * channels }
    }
}

impl Stage {
    fn new(block: &Block, weights: &Weights) -> std::result::Result<Self, Error> {
        match block.layers.as_slice() {
            [layer] if layer.convolution == Convolution::Stem => {
                Ok(Self::Stem(Dense::new(layer, weights)?))
            }
            [layer] => Ok(Self::Pointwise(Dense::new(layer, weights)?)),
            [expand @ .., filter, project] => Ok(Self::Block(InvertedResidual {
                expand: expand.first().map(|layer| frozen_pointwise(layer, weights)).transpose()?,
                filter: frozen_depthwise(filter, weights)?,
                project: frozen_pointwise(project, weights)?,
                residual: block.residual,
            })),
            [] => Err(Error::MissingTensor { name: block.name.clone() }),
        }
    }
}

impl Dense {
    fn new(layer: &Layer, weights: &Weights) -> std::result::Result<Self, Error> {
        let Folded { weight, bias } = fold(layer, weights)?;
        let rows = weight.len() / layer.outputs;
        Ok(Self {
            weight: Tensor::from_vec(weight, (rows, layer.outputs), &Device::Cpu)?,
            bias: Tensor::from_vec(bias, layer.outputs, &Device::Cpu)?,
            padding: layer.padding,
            activation: layer.activation,
        })
    }
}

fn frozen_pointwise(layer: &Layer, weights: &Weights) -> std::result::Result<Pointwise, Error> {
    let Folded { weight, bias } = fold(layer, weights)?;
    Ok(Pointwise { weight, bias, activation: layer.activation })
}

fn frozen_depthwise(layer: &Layer, weights: &Weights) -> std::result::Result<Depthwise, Error> {
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

impl Module for Stage {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        match self {
            Self::Stem(Dense { weight, bias, padding, activation }) => {
                stem(input, weight, bias, *padding, *activation)
            }
            Self::Block(block) => inverted_residual(input, block),
            Self::Pointwise(Dense { weight, bias, activation, .. }) => {
                pointwise(input, weight, bias, *activation)
            }
        }
    }
}

impl Module for Backbone {
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let mut output = images.clone();
        for stage in &self.stages {
            output = stage.forward(&output)?;
        }
        if self.pooled { output.mean((1, 2)) } else { Ok(output) }
    }
}
