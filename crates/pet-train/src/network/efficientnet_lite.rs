//! EfficientNet-Lite 0 to 2, with the tensor names of the Python package `efficientnet-lite-pytorch`: the networks of
//! Tan & Le 2019 (table 1) with `ReLU6` and without squeeze-and-excitation.

use pet_image::{Preprocess, Resize};

use super::description::{Architecture, Block, Convolution, FEATURES, Family, Sizes};
use crate::{Padding, Window};

const FAMILY: Family = Family { padding: Padding::Same, epsilon: 1e-3 };

/// Output channels of the stem, which are not scaled.
const STEM_CHANNELS: usize = 32;

/// Expansion factor, window, output channels, repetitions and first stride of each group of inverted residual blocks.
const GROUPS: [(usize, Window, usize, usize, usize); 7] = [
    (1, Window::Three, 16, 1, 1),
    (6, Window::Three, 24, 2, 2),
    (6, Window::Five, 40, 2, 2),
    (6, Window::Three, 80, 3, 2),
    (6, Window::Five, 112, 3, 1),
    (6, Window::Five, 192, 4, 2),
    (6, Window::Three, 320, 1, 1),
];

/// The scaling of one network of the family.
struct Scale {
    name: &'static str,
    title: &'static str,
    width: f64,
    depth: f64,
    /// Side length of the input in pixels.
    size: u32,
}

pub(super) fn lite0() -> Architecture {
    architecture(&Scale {
        name: "efficientnet_lite0",
        title: "EfficientNet-Lite0",
        width: 1.0,
        depth: 1.0,
        size: 224,
    })
}

pub(super) fn lite1() -> Architecture {
    architecture(&Scale {
        name: "efficientnet_lite1",
        title: "EfficientNet-Lite1",
        width: 1.0,
        depth: 1.1,
        size: 240,
    })
}

pub(super) fn lite2() -> Architecture {
    architecture(&Scale {
        name: "efficientnet_lite2",
        title: "EfficientNet-Lite2",
        width: 1.1,
        depth: 1.2,
        size: 260,
    })
}

fn architecture(scale: &Scale) -> Architecture {
    Architecture {
        name: scale.name,
        title: scale.title,
        blocks: blocks(scale),
        head: "_fc",
        recipe: Preprocess {
            resize: Resize::Stretch { size: scale.size },
            // (level − 127) / 128.
            mean: [127.0 / 255.0; 3],
            standard_deviation: [128.0 / 255.0; 3],
            ..Preprocess::imagenet()
        },
    }
}

fn blocks(scale: &Scale) -> Vec<Block> {
    let mut blocks = vec![single("_conv_stem", "_bn0", Convolution::Stem, [3, STEM_CHANNELS])];
    let mut inputs = STEM_CHANNELS;
    for (group, (expansion, window, outputs, repetitions, first_stride)) in (0..).zip(GROUPS) {
        let outputs = scale.channels(outputs);
        for repetition in 0..scale.repetitions(group, repetitions) {
            let sizes = Sizes {
                inputs,
                expansion,
                window,
                stride: if repetition == 0 { first_stride } else { 1 },
                outputs,
            };
            blocks.push(inverted_residual(blocks.len() - 1, sizes));
            inputs = outputs;
        }
    }
    let channels = [inputs, FEATURES];
    blocks.push(single("_conv_head", "_bn1", Convolution::Pointwise, channels));
    blocks
}

impl Scale {
    /// The scaled number of channels, rounded to a multiple of 8 but not down by more than 10 %.
    fn channels(&self, channels: usize) -> usize {
        let scaled = channels as f64 * self.width;
        let rounded = ((scaled / 8.0 + 0.5).floor() * 8.0).max(8.0);
        let rounded = if rounded < 0.9 * scaled { rounded + 8.0 } else { rounded };
        rounded as usize
    }

    /// The scaled number of repetitions, rounded up; unscaled in the first and the last group.
    fn repetitions(&self, group: usize, repetitions: usize) -> usize {
        if group == 0 || group == GROUPS.len() - 1 {
            repetitions
        } else {
            (repetitions as f64 * self.depth).ceil() as usize
        }
    }
}

fn single(name: &str, norm: &str, convolution: Convolution, channels: [usize; 2]) -> Block {
    FAMILY.single(name, [name.into(), norm.into()], convolution, channels)
}

fn inverted_residual(at: usize, sizes: Sizes) -> Block {
    let name = format!("_blocks.{at}");
    let parts = [("expand", 0), ("depthwise", 1), ("project", 2)];
    let names =
        parts.map(|(part, norm)| [format!("{name}._{part}_conv"), format!("{name}._bn{norm}")]);
    FAMILY.inverted_residual(name, names, sizes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_the_published_networks() {
        // Parameters of the package's networks without `_fc`, and their numbers of blocks with stem and head.
        for (network, parameters, blocks) in
            [(lite0(), 3_371_008, 18), (lite1(), 4_135_680, 23), (lite2(), 4_811_072, 23)]
        {
            let got: usize = network
                .layers()
                .map(|layer| layer.weight_shape().iter().product::<usize>() + 2 * layer.outputs)
                .sum();
            assert_eq!((got, network.blocks.len()), (parameters, blocks), "{}", network.name);
        }
    }

    #[test]
    fn names_are_the_packages() {
        let network = lite0();
        let names: Vec<&str> =
            network.layers().map(|layer| layer.convolution_name.as_str()).collect();
        assert_eq!(
            names[..3],
            ["_conv_stem", "_blocks.0._depthwise_conv", "_blocks.0._project_conv"]
        );
        assert_eq!(names[3], "_blocks.1._expand_conv");
        assert_eq!(names.last(), Some(&"_conv_head"));
    }
}
