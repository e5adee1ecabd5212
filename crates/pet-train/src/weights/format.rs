//! The three file formats of weights, detected by content.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use fs_err as fs;
use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use torch_state_dict::StateDict;

use super::naming::COUNTER;
use crate::Error;
use crate::bytes::le_bytes;

/// The largest file that is read; MobileNetV2 has 14 MB.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the named tensors of a file as `f32`, without batch counters.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Tensor>, Error> {
    let size = fs::metadata(path)?.len();
    if size > MAX_BYTES {
        return Err(Error::WeightsTooLarge {
            path: path.to_owned(),
            expected: MAX_BYTES,
            got: size,
        });
    }
    let bytes = fs::read(path)?;
    if is_safetensors(&bytes) { read_safetensors(path, &bytes) } else { read_torch(path, &bytes) }
}

/// Whether a file starts with the length of a JSON header and its opening brace.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

fn read_safetensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
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

fn float_type(name: &str, kind: safetensors::Dtype) -> Result<DType, Error> {
    match kind {
        safetensors::Dtype::F32 => Ok(DType::F32),
        safetensors::Dtype::F16 => Ok(DType::F16),
        safetensors::Dtype::BF16 => Ok(DType::BF16),
        safetensors::Dtype::F64 => Ok(DType::F64),
        other => Err(Error::TensorType {
            name: name.into(),
            expected: "F16, BF16, F32 or F64",
            got: format!("{other:?}"),
        }),
    }
}

fn read_torch(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
    let invalid = |source| Error::StateDict { path: path.to_owned(), source };
    let state = StateDict::from_bytes(bytes).map_err(invalid)?;
    let mut tensors = BTreeMap::new();
    for (name, _) in state.iter().filter(|(name, _)| !name.ends_with(COUNTER)) {
        let (shape, values) = state.f32(name).map_err(invalid)?;
        tensors.insert(name.to_owned(), Tensor::from_vec(values, shape, &Device::Cpu)?);
    }
    Ok(tensors)
}

/// Encodes the tensors as a `.safetensors` file, in the order of their names.
pub(super) fn to_safetensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Error> {
    let raw = tensors
        .iter()
        .map(|(name, tensor)| {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            Ok((name, tensor.dims(), le_bytes(&values).collect::<Vec<u8>>()))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let encode = |source| Error::Serialize { source };
    let views = raw
        .iter()
        .map(|(name, shape, bytes)| {
            let view = TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes);
            Ok((name.as_str(), view.map_err(encode)?))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    safetensors::serialize(views, None).map_err(encode)
}
