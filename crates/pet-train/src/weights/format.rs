//! The three file formats that weights come in, told apart by content.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use fs_err as fs;
use safetensors::SafeTensors;
use torch_state_dict::StateDict;

use super::naming::COUNTER;
use crate::Error;

/// Far above the 14 MB of MobileNetV2, far below a machine's memory.
const MAX_BYTES: u64 = 1 << 30;

/// Reads the named tensors of a file as `f32`, without the counters of batches.
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
    if is_safetensors(&bytes) {
        read_safetensors(path, &bytes)
    } else {
        read_torch(path, &bytes)
    }
}

/// A `.safetensors` file begins with its header's length and the header's opening brace.
fn is_safetensors(bytes: &[u8]) -> bool {
    bytes.get(8) == Some(&b'{')
}

fn read_safetensors(path: &Path, bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, Error> {
    let refuse = |source| Error::Safetensors {
        path: path.to_owned(),
        source,
    };
    let file = SafeTensors::deserialize(bytes).map_err(refuse)?;
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
    let refuse = |source| Error::StateDict {
        path: path.to_owned(),
        source,
    };
    let state = StateDict::from_bytes(bytes).map_err(refuse)?;
    let mut tensors = BTreeMap::new();
    for (name, _) in state.iter().filter(|(name, _)| !name.ends_with(COUNTER)) {
        let (shape, values) = state.f32(name).map_err(refuse)?;
        tensors.insert(
            name.to_owned(),
            Tensor::from_vec(values, shape, &Device::Cpu)?,
        );
    }
    Ok(tensors)
}

/// The tensors as a `.safetensors` file, in the order of their names.
pub(super) fn to_safetensors(tensors: &BTreeMap<String, Tensor>) -> Result<Vec<u8>, Error> {
    let raw = tensors
        .iter()
        .map(|(name, tensor)| {
            let values = tensor.flatten_all()?.to_vec1::<f32>()?;
            let bytes = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect::<Vec<u8>>();
            Ok((name, tensor.dims().to_vec(), bytes))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let encode = |source| Error::Serialize { source };
    let views = raw
        .iter()
        .map(|(name, shape, bytes)| {
            let view =
                safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes);
            Ok((name.as_str(), view.map_err(encode)?))
        })
        .collect::<Result<Vec<_>, Error>>()?;
    safetensors::serialize(views, None).map_err(encode)
}
