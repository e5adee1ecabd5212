//! The layers, blocks and families of architectures.

use pet_image::Preprocess;

use crate::{Activation, Padding, Window};

/// Number of features, the input of the head, of each network.
pub const FEATURES: usize = 1280;

/// The kind of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convolution {
    /// 3×3 over all channels with stride 2: the first layer.
    Stem,
    /// 1×1 over all channels.
    Pointwise,
    /// Within each channel.
    Depthwise {
        /// The size of the window.
        window: Window,
        /// 1, or 2 to halve height and width.
        stride: usize,
    },
}

impl Convolution {
    /// Side length of the window.
    pub fn window(self) -> usize {
        match self {
            Self::Stem => 3,
            Self::Pointwise => 1,
            Self::Depthwise { window, .. } => window.side(),
        }
    }

    /// The stride in both directions.
    pub fn stride(self) -> usize {
        match self {
            Self::Stem => 2,
            Self::Pointwise => 1,
            Self::Depthwise { stride, .. } => stride,
        }
    }
}

/// A convolution followed by batch normalization and an activation.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// Prefix of the convolution's weight, such as `features.2.conv.0.0`.
    pub convolution_name: String,
    /// Prefix of the batch normalization's tensors, such as `features.2.conv.0.1`.
    pub norm_name: String,
    /// The kind of convolution.
    pub convolution: Convolution,
    /// The padding of the input.
    pub padding: Padding,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Added to the variance in batch normalization.
    pub epsilon: f64,
    /// The activation function.
    pub activation: Activation,
}

impl Layer {
    /// Shape of the convolution's weight: `[outputs, inputs per group, height, width]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        let inputs = match self.convolution {
            Convolution::Stem | Convolution::Pointwise => self.inputs,
            Convolution::Depthwise { .. } => 1,
        };
        let window = self.convolution.window();
        [self.outputs, inputs, window, window]
    }

    /// Side length of the output for a square input.
    pub fn output_side(&self, side: usize) -> usize {
        side.div_ceil(self.convolution.stride())
    }

    /// Padding before and after an axis of the input.
    pub fn zeros(&self, side: usize) -> [usize; 2] {
        let (window, stride) = (self.convolution.window(), self.convolution.stride());
        self.padding.around(side, window, stride)
    }
}

/// A sequence of layers, with a skip connection if `residual`.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Prefix of its tensors, such as `features.2`.
    pub name: String,
    /// The layers in order.
    pub layers: Vec<Layer>,
    /// Whether the block's input is added to its output.
    pub residual: bool,
}

impl Block {
    /// Side length of the output for a square input.
    pub(crate) fn output_side(&self, side: usize) -> usize {
        self.layers.iter().fold(side, |side, layer| layer.output_side(side))
    }
}

/// A network without its head: a stem, inverted residual blocks, a last pointwise convolution and global average pooling.
/// The frozen and the trained network, the names of the weights and the ONNX model are derived from it.
#[derive(Debug)]
pub struct Architecture {
    /// The identifier on command lines and in files, such as `mobilenet_v2`.
    pub name: &'static str,
    /// The name for people, such as `MobileNetV2`.
    pub title: &'static str,
    /// The blocks in order.
    pub blocks: Vec<Block>,
    /// Prefix of the head's tensors.
    pub head: &'static str,
    /// The preprocessing it was pretrained with.
    pub recipe: Preprocess,
}

impl Architecture {
    /// The layers of all blocks.
    pub fn layers(&self) -> impl Iterator<Item = &Layer> {
        self.blocks.iter().flat_map(|block| &block.layers)
    }

    /// Multiplications, each with an addition, that one square image of this side takes, without the head's: how much
    /// work a prediction is on any machine.
    pub fn multiply_adds(&self, side: usize) -> u64 {
        let mut side = side;
        let layers = self.layers().map(|layer| {
            side = layer.output_side(side);
            let weights: usize = layer.weight_shape().iter().product();
            (weights * side * side) as u64
        });
        layers.sum()
    }

    /// Names and shapes of the tensors without the head's, in the order of the layers.
    pub fn tensors(&self) -> impl Iterator<Item = (String, Vec<usize>)> {
        self.layers().flat_map(|layer| {
            let convolution = format!("{}.weight", layer.convolution_name);
            let norm = ["weight", "bias", "running_mean", "running_var"];
            let norm =
                norm.map(|part| (format!("{}.{part}", layer.norm_name), vec![layer.outputs]));
            std::iter::once((convolution, layer.weight_shape().to_vec())).chain(norm)
        })
    }
}

/// Names of a layer's convolution and batch normalization.
pub(super) type Names = [String; 2];

/// A family of networks: a stem, groups of inverted residual blocks and a last pointwise convolution.
#[derive(Clone, Copy)]
pub(super) struct Family {
    pub(super) padding: Padding,
    pub(super) epsilon: f64,
    /// Output channels of the stem.
    pub(super) stem: usize,
    /// Names the stem and the last convolution by their position.
    pub(super) single: fn(usize) -> (String, Names),
    /// Names an inverted residual block by its position, and its layers: expansion, which there is if the flag is set,
    /// depthwise convolution and projection.
    pub(super) inverted_residual: fn(usize, bool) -> (String, [Names; 3]),
}

/// Equal inverted residual blocks, but for the stride of the first.
#[derive(Clone, Copy)]
pub(super) struct Group {
    /// The factor of the number of channels between expansion and projection.
    pub(super) expansion: usize,
    pub(super) window: Window,
    pub(super) outputs: usize,
    pub(super) repetitions: usize,
    /// The stride of the first block; that of the others is 1.
    pub(super) stride: usize,
}

impl Family {
    pub(super) fn blocks(&self, groups: impl IntoIterator<Item = Group>) -> Vec<Block> {
        let mut blocks = vec![self.single(0, Convolution::Stem, [3, self.stem])];
        let mut inputs = self.stem;
        for group in groups {
            for repetition in 0..group.repetitions {
                let stride = if repetition == 0 { group.stride } else { 1 };
                blocks.push(self.inverted_residual(
                    blocks.len(),
                    inputs,
                    Group { stride, ..group },
                ));
                inputs = group.outputs;
            }
        }
        blocks.push(self.single(blocks.len(), Convolution::Pointwise, [inputs, FEATURES]));
        blocks
    }

    /// A block of one layer with ReLU6.
    fn single(&self, at: usize, convolution: Convolution, channels: [usize; 2]) -> Block {
        let (name, names) = (self.single)(at);
        let layer = self.layer(names, convolution, channels, Activation::Relu6);
        Block { name, layers: vec![layer], residual: false }
    }

    /// Pointwise expansion (unless the factor is 1), depthwise convolution and linear pointwise projection (Sandler et
    /// al. 2018, figure 3).
    fn inverted_residual(&self, at: usize, inputs: usize, group: Group) -> Block {
        let Group { expansion, window, outputs, stride, .. } = group;
        let (name, [expand, filter, project]) = (self.inverted_residual)(at, expansion != 1);
        let hidden = inputs * expansion;
        let depthwise = Convolution::Depthwise { window, stride };
        let mut layers = Vec::with_capacity(3);
        if expansion != 1 {
            let channels = [inputs, hidden];
            layers.push(self.layer(expand, Convolution::Pointwise, channels, Activation::Relu6));
        }
        layers.push(self.layer(filter, depthwise, [hidden; 2], Activation::Relu6));
        let channels = [hidden, outputs];
        layers.push(self.layer(project, Convolution::Pointwise, channels, Activation::Linear));
        Block { name, layers, residual: stride == 1 && inputs == outputs }
    }

    fn layer(
        &self,
        [convolution_name, norm_name]: Names,
        convolution: Convolution,
        [inputs, outputs]: [usize; 2],
        activation: Activation,
    ) -> Layer {
        Layer {
            convolution_name,
            norm_name,
            convolution,
            padding: self.padding,
            inputs,
            outputs,
            epsilon: self.epsilon,
            activation,
        }
    }
}
