//! Conversion of tensor names to torchvision's.

use std::collections::BTreeMap;

use candle_core::Tensor;

use crate::network::Architecture;

/// Suffix of PyTorch's batch counters, which are not needed.
pub(super) const COUNTER: &str = ".num_batches_tracked";

/// Prefixes of PyTorch's wrappers.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// Removes the prefixes of wrappers such as `DataParallel` and `torch.compile`, in any order.
pub(super) fn without_wrappers(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let mut wrapped = 0;
    while let Some(length) = wrapper(&tensors, wrapped) {
        wrapped += length;
    }
    if wrapped == 0 {
        return tensors;
    }
    let unwrapped = tensors.into_iter();
    unwrapped.map(|(name, tensor)| (name[wrapped..].to_owned(), tensor)).collect()
}

/// The length of the wrapper prefix that every name has at this position, if any.
fn wrapper(tensors: &BTreeMap<String, Tensor>, at: usize) -> Option<usize> {
    let everywhere = |wrapper: &&&str| {
        let mut names = tensors.keys();
        !tensors.is_empty() && names.all(|name| name[at..].starts_with(**wrapper))
    };
    WRAPPERS.iter().find(everywhere).map(|wrapper| wrapper.len())
}

/// Renames the tensors of a MobileNetV2 to torchvision's names; other names are unchanged.
///
/// The earlier public implementation has convolution, normalization and activation in one sequence (`conv.0`, `conv.1`,
/// `conv.2`, `conv.3`, …), torchvision groups them (`conv.0.0`, `conv.0.1`, `conv.1.0`, …). Only the former has
/// `features.1.conv.0.weight`.
pub(super) fn to_torchvision(tensors: BTreeMap<String, Tensor>) -> BTreeMap<String, Tensor> {
    let sequential = tensors.contains_key("features.1.conv.0.weight");
    let renamed = if sequential { sequential_names() } else { BTreeMap::new() };
    tensors.into_iter().map(|(name, tensor)| (rename(&name, &renamed), tensor)).collect()
}

fn rename(name: &str, renamed: &BTreeMap<String, String>) -> String {
    match name.rsplit_once('.') {
        Some((prefix, part)) => match renamed.get(prefix) {
            Some(prefix) => format!("{prefix}.{part}"),
            None => name.into(),
        },
        None => name.into(),
    }
}

/// The prefixes of the earlier implementation with those of torchvision.
fn sequential_names() -> BTreeMap<String, String> {
    let blocks = Architecture::standard().blocks.iter();
    let blocks = blocks.filter(|block| block.layers.len() > 1);
    let renames = blocks.flat_map(|block| {
        let layers = block.layers.iter().enumerate();
        layers.flat_map(move |(at, layer)| {
            let old = |part: usize| format!("{}.conv.{}", block.name, 3 * at + part);
            let new = [&layer.convolution_name, &layer.norm_name];
            [(old(0), new[0].clone()), (old(1), new[1].clone())]
        })
    });
    renames.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequential_names_become_grouped_names() {
        let renamed = sequential_names();
        for (old, new) in [
            ("features.1.conv.0.weight", "features.1.conv.0.0.weight"),
            ("features.1.conv.4.bias", "features.1.conv.2.bias"),
            ("features.2.conv.3.weight", "features.2.conv.1.0.weight"),
            ("features.2.conv.7.running_var", "features.2.conv.3.running_var"),
            ("features.18.1.weight", "features.18.1.weight"),
        ] {
            assert_eq!(rename(old, &renamed), new);
        }
    }
}
