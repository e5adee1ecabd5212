//! MobileNetV2 (Sandler et al. 2018, table 2), with torchvision's tensor names.

use pet_image::Preprocess;

use super::layers::{Architecture, Family, Group, Names};
use crate::{Padding, Window};

const FAMILY: Family =
    Family { padding: Padding::Centered, epsilon: 1e-5, stem: 32, single, inverted_residual };

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

pub(super) fn architecture() -> Architecture {
    let groups = GROUPS.map(|(expansion, outputs, repetitions, stride)| Group {
        expansion,
        window: Window::Three,
        outputs,
        repetitions,
        stride,
    });
    Architecture {
        name: "mobilenet_v2",
        title: "MobileNetV2",
        blocks: FAMILY.blocks(groups),
        head: "classifier.1",
        recipe: Preprocess::imagenet(),
    }
}

fn single(at: usize) -> (String, Names) {
    let name = format!("features.{at}");
    let names = [0, 1].map(|part| format!("{name}.{part}"));
    (name, names)
}

/// torchvision numbers the layers, and groups those with an activation.
fn inverted_residual(at: usize, expanded: bool) -> (String, [Names; 3]) {
    let name = format!("features.{at}");
    let filter = usize::from(expanded);
    let grouped = |index: usize| [0, 1].map(|part| format!("{name}.conv.{index}.{part}"));
    let project = [1, 2].map(|part| format!("{name}.conv.{}", filter + part));
    let names = [grouped(0), grouped(filter), project];
    (name, names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::architecture::Layer;

    #[test]
    fn it_is_the_published_network() {
        let network = architecture();
        assert_eq!(network.blocks.len(), 19);
        let layers: Vec<&Layer> = network.layers().collect();
        assert_eq!(layers.len(), 52);
        // 2,223,872 parameters without the classifier: the convolutions', and two for each normalized channel.
        let parameters: usize = layers
            .iter()
            .map(|layer| layer.weight_shape().iter().product::<usize>() + 2 * layer.outputs)
            .sum();
        assert_eq!(parameters, 2_223_872);
        let residual = network.blocks.iter().filter(|block| block.residual);
        assert_eq!(residual.count(), 10);
        assert_eq!(layers[1].convolution_name, "features.1.conv.0.0");
        assert_eq!(layers[2].norm_name, "features.1.conv.2");
        assert_eq!(layers[51].norm_name, "features.18.1");
    }
}
