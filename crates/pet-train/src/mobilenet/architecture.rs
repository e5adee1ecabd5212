//! MobileNetV2 as a list of layers (Sandler et al. 2018, table 2), with torchvision's tensor names.
//!
//! The network, the import of weights and the ONNX model are all made from this one list.

use crate::Activation;

/// Features that the backbone gives for one image.
pub const FEATURES: usize = 1280;

/// Added to the variance in batch normalization, as torchvision has it.
pub const EPSILON: f64 = 1e-5;

/// Output channels of the stem.
const STEM_CHANNELS: usize = 32;

/// Expansion factor, output channels, repetitions and first stride of each group of inverted residual blocks.
const GROUPS: [(usize, usize, usize, usize); 7] = [
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
];

/// How a layer's window moves over the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Convolution {
    /// 3×3 over all channels with stride 2: the first layer.
    Stem,
    /// 1×1 over all channels.
    Pointwise,
    /// 3×3 within each channel.
    Depthwise {
        /// 1, or 2 to halve height and width.
        stride: usize,
    },
}

/// A convolution followed by batch normalization and an activation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Prefix of the convolution's weight, such as `features.2.conv.0.0`.
    pub convolution_name: String,
    /// Prefix of the batch normalization's tensors, such as `features.2.conv.0.1`.
    pub norm_name: String,
    /// The window.
    pub convolution: Convolution,
    /// Channels in.
    pub inputs: usize,
    /// Channels out.
    pub outputs: usize,
    /// What follows.
    pub activation: Activation,
}

impl Layer {
    /// Shape of the convolution's weight: `[outputs, inputs per group, height, width]`.
    pub fn weight_shape(&self) -> [usize; 4] {
        match self.convolution {
            Convolution::Stem => [self.outputs, self.inputs, 3, 3],
            Convolution::Pointwise => [self.outputs, self.inputs, 1, 1],
            Convolution::Depthwise { .. } => [self.outputs, 1, 3, 3],
        }
    }
}

/// Layers in a row, skipped over by a connection when `residual`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Prefix of its tensors, such as `features.2`.
    pub name: String,
    /// The layers, first to last.
    pub layers: Vec<Layer>,
    /// Whether the block's input is added to its output.
    pub residual: bool,
}

/// The backbone's nineteen blocks: the stem, seventeen inverted residuals, the last pointwise convolution.
pub fn blocks() -> Vec<Block> {
    let mut blocks = vec![single("features.0", Convolution::Stem, 3, STEM_CHANNELS)];
    let mut inputs = STEM_CHANNELS;
    for (expansion, outputs, repetitions, first_stride) in GROUPS {
        for repetition in 0..repetitions {
            let stride = if repetition == 0 { first_stride } else { 1 };
            let name = format!("features.{}", blocks.len());
            blocks.push(inverted_residual(name, inputs, expansion, outputs, stride));
            inputs = outputs;
        }
    }
    let name = format!("features.{}", blocks.len());
    blocks.push(single(&name, Convolution::Pointwise, inputs, FEATURES));
    blocks
}

fn single(name: &str, convolution: Convolution, inputs: usize, outputs: usize) -> Block {
    let layer = Layer {
        convolution_name: format!("{name}.0"),
        norm_name: format!("{name}.1"),
        convolution,
        inputs,
        outputs,
        activation: Activation::Relu6,
    };
    Block {
        name: name.into(),
        layers: vec![layer],
        residual: false,
    }
}

/// Widen pointwise (unless the expansion is 1), filter depthwise, narrow pointwise without an activation.
fn inverted_residual(
    name: String,
    inputs: usize,
    expansion: usize,
    outputs: usize,
    stride: usize,
) -> Block {
    let hidden = inputs * expansion;
    let mut layers = Vec::with_capacity(3);
    let mut activated = |convolution, inputs| {
        let at = layers.len();
        layers.push(Layer {
            convolution_name: format!("{name}.conv.{at}.0"),
            norm_name: format!("{name}.conv.{at}.1"),
            convolution,
            inputs,
            outputs: hidden,
            activation: Activation::Relu6,
        });
    };
    if expansion != 1 {
        activated(Convolution::Pointwise, inputs);
    }
    activated(Convolution::Depthwise { stride }, hidden);
    let at = layers.len();
    layers.push(Layer {
        convolution_name: format!("{name}.conv.{at}"),
        norm_name: format!("{name}.conv.{}", at + 1),
        convolution: Convolution::Pointwise,
        inputs: hidden,
        outputs,
        activation: Activation::Linear,
    });
    Block {
        name,
        layers,
        residual: stride == 1 && inputs == outputs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_published_network() {
        let blocks = blocks();
        assert_eq!(blocks.len(), 19);
        let layers: Vec<Layer> = blocks
            .iter()
            .flat_map(|block| block.layers.clone())
            .collect();
        assert_eq!(layers.len(), 52);
        // 2,223,872 parameters without the classifier: the convolutions', and two for each normalized channel.
        let parameters: usize = layers
            .iter()
            .map(|layer| layer.weight_shape().iter().product::<usize>() + 2 * layer.outputs)
            .sum();
        assert_eq!(parameters, 2_223_872);
        assert_eq!(blocks.iter().filter(|block| block.residual).count(), 10);
        assert_eq!(layers[1].convolution_name, "features.1.conv.0.0");
        assert_eq!(layers[51].norm_name, "features.18.1");
    }
}
