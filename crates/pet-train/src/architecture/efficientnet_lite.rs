//! EfficientNet-Lite 0 to 2, with the tensor names of the Python package `efficientnet-lite-pytorch`: the networks of
//! Tan & Le 2019 (table 1) with `ReLU6` and without squeeze-and-excitation.

use pet_image::{Preprocess, Resize};

use super::layers::{Architecture, Family, Group, Names};
use crate::{Padding, Window};

/// Its stem is not scaled.
const FAMILY: Family =
    Family { padding: Padding::Same, epsilon: 1e-3, stem: 32, single, inverted_residual };

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
    width: f64,
    depth: f64,
    /// Side length of the input in pixels.
    size: u32,
}

pub(super) fn lite0() -> Architecture {
    let scale = Scale { width: 1.0, depth: 1.0, size: 224 };
    scale.architecture("efficientnet_lite0", "EfficientNet-Lite0")
}

pub(super) fn lite1() -> Architecture {
    let scale = Scale { width: 1.0, depth: 1.1, size: 240 };
    scale.architecture("efficientnet_lite1", "EfficientNet-Lite1")
}

pub(super) fn lite2() -> Architecture {
    let scale = Scale { width: 1.1, depth: 1.2, size: 260 };
    scale.architecture("efficientnet_lite2", "EfficientNet-Lite2")
}

impl Scale {
    fn architecture(&self, name: &'static str, title: &'static str) -> Architecture {
        let groups = (0..).zip(GROUPS);
        let groups =
            groups.map(|(group, (expansion, window, outputs, repetitions, stride))| Group {
                expansion,
                window,
                outputs: self.channels(outputs),
                repetitions: self.repetitions(group, repetitions),
                stride,
            });
        Architecture {
            name,
            title,
            blocks: FAMILY.blocks(groups),
            head: "_fc",
            recipe: Preprocess {
                resize: Resize::Stretch { size: self.size },
                // (level − 127) / 128.
                mean: [127.0 / 255.0; 3],
                standard_deviation: [128.0 / 255.0; 3],
                ..Preprocess::imagenet()
            },
        }
    }

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

/// The names of the stem or, at another position, of the last convolution.
fn single(at: usize) -> (String, Names) {
    let [name, norm] = if at == 0 { ["_conv_stem", "_bn0"] } else { ["_conv_head", "_bn1"] };
    (name.into(), [name.into(), norm.into()])
}

/// The package numbers these blocks without the stem.
fn inverted_residual(at: usize, _: bool) -> (String, [Names; 3]) {
    let name = format!("_blocks.{}", at - 1);
    let parts = [("expand", 0), ("depthwise", 1), ("project", 2)];
    let names =
        parts.map(|(part, norm)| [format!("{name}._{part}_conv"), format!("{name}._bn{norm}")]);
    (name, names)
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
