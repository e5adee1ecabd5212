//! Reading weights: the three file formats, detected by content, and the schemes of tensor names.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use fs_err as fs;
use safetensors::{Dtype, SafeTensors};
use torch_state_dict::StateDict;

use crate::Error;
use crate::architecture::Architecture;

/// The largest file that is read; MobileNetV2 has 14 MB.
const MAX_BYTES: u64 = 1 << 30;

/// Suffix of PyTorch's batch counters, which are not needed.
const COUNTER: &str = ".num_batches_tracked";

/// Prefixes of PyTorch's wrappers.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

type Tensors = BTreeMap<String, Tensor>;

/// Reads the tensors of a file as `f32`, without batch counters, by the names of an [`Architecture`].
pub(super) fn read(path: &Path) -> Result<Tensors, Error> {
    let size = fs::metadata(path)?.len();
    if size > MAX_BYTES {
        return Err(Error::WeightsTooLarge {
            path: path.to_owned(),
            expected: MAX_BYTES,
            got: size,
        });
    }
    let bytes = fs::read(path)?;
    let read = if is_safetensors(&bytes) { read_safetensors } else { read_torch };
    Ok(to_torchvision(without_wrappers(read(path, &bytes)?)))
}

/// Whether a file starts with the length of a JSON header and its opening brace.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

fn read_safetensors(path: &Path, bytes: &[u8]) -> Result<Tensors, Error> {
    let invalid = |source| Error::Safetensors { path: path.to_owned(), source };
    let file = SafeTensors::deserialize(bytes).map_err(invalid)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter() {
        if name.ends_with(COUNTER) {
            continue;
        }
        let kind = float_type(name, view.dtype())?;
        let tensor = Tensor::from_raw_buffer(view.data(), kind, view.shape(), &Device::Cpu)?;
        tensors.insert(name.to_owned(), tensor.to_dtype(DType::F32)?);
    }
    Ok(tensors)
}

fn float_type(name: &str, kind: Dtype) -> Result<DType, Error> {
    match kind {
        Dtype::F32 => Ok(DType::F32),
        Dtype::F16 => Ok(DType::F16),
        Dtype::BF16 => Ok(DType::BF16),
        Dtype::F64 => Ok(DType::F64),
        other => Err(Error::TensorType {
            name: name.into(),
            expected: "F16, BF16, F32 or F64",
            got: format!("{other:?}"),
        }),
    }
}

fn read_torch(path: &Path, bytes: &[u8]) -> Result<Tensors, Error> {
    let invalid = |source| Error::StateDict { path: path.to_owned(), source };
    let state = StateDict::from_bytes(bytes).map_err(invalid)?;
    let mut tensors = BTreeMap::new();
    for (name, _) in state.iter().filter(|(name, _)| !name.ends_with(COUNTER)) {
        let (shape, values) = state.f32(name).map_err(invalid)?;
        tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(tensors)
}

/// Removes the prefixes of wrappers such as `DataParallel` and `torch.compile`, in any order.
fn without_wrappers(tensors: Tensors) -> Tensors {
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
fn wrapper(tensors: &Tensors, at: usize) -> Option<usize> {
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
fn to_torchvision(tensors: Tensors) -> Tensors {
    let sequential = tensors.contains_key("features.1.conv.0.weight");
    let renamed = if sequential { sequential_names() } else { BTreeMap::new() };
    tensors.into_iter().map(|(name, tensor)| (rename(&name, &renamed), tensor)).collect()
}

fn rename(name: &str, renamed: &BTreeMap<String, String>) -> String {
    let parts = name.rsplit_once('.');
    match parts.and_then(|(prefix, part)| Some((renamed.get(prefix)?, part))) {
        Some((prefix, part)) => format!("{prefix}.{part}"),
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
