//! The frozen network, from images to features.

use candle_core::{Module, Result, Tensor};

use super::architecture::{Block, Convolution, Layer, blocks};
use super::folding::fold;
use crate::kernel::inverted_residual::{Depthwise, InvertedResidual, Pointwise};
use crate::op::{inverted_residual, pointwise, stem};
use crate::{Activation, Error, Weights};

/// MobileNetV2 without its classifier, `[batch, 3, size, size]` to `[batch, 1280]`; or the first of its blocks, to
/// `[batch, height, width, channels]`.
///
/// Batch normalization is folded into the convolutions, with its statistics as they were when the weights were
/// trained. Inside, tensors are channels last, and each inverted residual block is one operation.
pub struct Backbone {
    stages: Vec<Stage>,
    layers: Vec<Layer>,
    /// Whether the result is the mean over all positions.
    pooled: bool,
}

enum Stage {
    Stem(Dense),
    Block(InvertedResidual),
    Pointwise(Dense),
}

/// A convolution over all channels; `weight` is `[inputs · window, outputs]`.
struct Dense {
    weight: Tensor,
    bias: Tensor,
    activation: Activation,
}

impl Backbone {
    /// Builds the network from weights with torchvision's names.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] when the weights are not MobileNetV2's.
    pub fn new(weights: &Weights) -> std::result::Result<Self, Error> {
        Self::first(weights, blocks().len())
    }

    /// Builds the first `count` blocks; all nineteen make the same network as [`new`](Self::new).
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] when the weights are not MobileNetV2's.
    pub fn first(weights: &Weights, count: usize) -> std::result::Result<Self, Error> {
        let mut blocks = blocks();
        let pooled = count >= blocks.len();
        blocks.truncate(count);
        let stages = blocks.iter().map(|block| Stage::new(block, weights));
        Ok(Self {
            stages: stages.collect::<std::result::Result<_, _>>()?,
            layers: blocks.into_iter().flat_map(|block| block.layers).collect(),
            pooled,
        })
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> usize {
        self.stages.len()
    }

    /// Numbers in the result for one image of `size` pixels square.
    pub fn output_values(&self, size: usize) -> usize {
        let halved = |side: usize, layer: &Layer| match layer.convolution {
            Convolution::Stem | Convolution::Depthwise { stride: 2 } => side.div_ceil(2),
            Convolution::Pointwise | Convolution::Depthwise { .. } => side,
        };
        let side = self.layers.iter().fold(size, halved);
        let channels = self.layers.last().map_or(3, |layer| layer.outputs);
        if self.pooled {
            channels
        } else {
            side * side * channels
        }
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
                expand: expand
                    .first()
                    .map(|layer| frozen_pointwise(layer, weights))
                    .transpose()?,
                filter: frozen_depthwise(filter, weights)?,
                project: frozen_pointwise(project, weights)?,
                residual: block.residual,
            })),
            [] => Err(Error::MissingTensor {
                name: block.name.clone(),
            }),
        }
    }
}

impl Dense {
    fn new(layer: &Layer, weights: &Weights) -> std::result::Result<Self, Error> {
        let folded = fold(layer, weights)?;
        // `[outputs, inputs · window]` turned over is what the kernels want: outputs contiguous.
        let weight = folded.weight.flatten_from(1)?.t()?.contiguous()?;
        Ok(Self {
            weight,
            bias: folded.bias,
            activation: layer.activation,
        })
    }

    fn values(&self) -> Result<(Vec<f32>, Vec<f32>)> {
        Ok((self.weight.flatten_all()?.to_vec1()?, self.bias.to_vec1()?))
    }
}

fn frozen_pointwise(layer: &Layer, weights: &Weights) -> std::result::Result<Pointwise, Error> {
    let (weight, bias) = Dense::new(layer, weights)?.values()?;
    Ok(Pointwise {
        weight,
        bias,
        activation: layer.activation,
    })
}

fn frozen_depthwise(layer: &Layer, weights: &Weights) -> std::result::Result<Depthwise, Error> {
    let (weight, bias) = Dense::new(layer, weights)?.values()?;
    let stride = match layer.convolution {
        Convolution::Depthwise { stride } => stride,
        Convolution::Stem | Convolution::Pointwise => 1,
    };
    Ok(Depthwise {
        weight,
        bias,
        activation: layer.activation,
        stride,
    })
}

impl Module for Stage {
    fn forward(&self, input: &Tensor) -> Result<Tensor> {
        match self {
            Self::Stem(Dense {
                weight,
                bias,
                activation,
            }) => stem(input, weight, bias, *activation),
            Self::Block(block) => inverted_residual(input, block),
            Self::Pointwise(Dense {
                weight,
                bias,
                activation,
            }) => pointwise(input, weight, bias, *activation),
        }
    }
}

impl Module for Backbone {
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        let mut output = images.clone();
        for stage in &self.stages {
            output = stage.forward(&output)?;
        }
        if self.pooled {
            output.mean((1, 2))
        } else {
            Ok(output)
        }
    }
}
