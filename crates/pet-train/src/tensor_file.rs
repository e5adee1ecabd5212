//! Files of tensors in the `.safetensors` format: weights, cached features and checkpoints.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensorError, SafeTensors, TensorView};
use sha2::{Digest, Sha256};

use crate::Error;

/// The metadata's entry for a [`checksum`] of the tensors.
pub(crate) const CHECKSUM: &str = "sha256";

/// Name, type, shape and little-endian values of a tensor.
pub(crate) type Entry<'a> = (&'a str, Dtype, Vec<usize>, &'a [u8]);

/// Encodes tensors in their order.
pub(crate) fn encode<'a>(
    tensors: impl IntoIterator<Item = Entry<'a>>,
    metadata: Option<HashMap<String, String>>,
) -> Result<Vec<u8>, Error> {
    let views = tensors.into_iter().map(|(name, kind, shape, bytes)| {
        let view = TensorView::new(kind, shape, bytes).map_err(Error::Serialize)?;
        Ok((name, view))
    });
    safetensors::serialize(views.collect::<Result<Vec<_>, Error>>()?, metadata)
        .map_err(Error::Serialize)
}

/// The metadata of a file.
pub(crate) fn metadata(bytes: &[u8]) -> Result<HashMap<String, String>, SafeTensorError> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    Ok(metadata.metadata().clone().unwrap_or_default())
}

/// SHA-256 of some parts one after the other, in hexadecimal.
pub(crate) fn checksum<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let digest = parts.into_iter().fold(Sha256::new(), Sha256::chain_update);
    format!("{:x}", digest.finalize())
}

pub(crate) fn le_bytes(values: &[f32]) -> impl Iterator<Item = u8> {
    values.iter().flat_map(|value| value.to_le_bytes())
}

pub(crate) fn from_le_bytes(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks();
    values.iter().map(|value| f32::from_le_bytes(*value)).collect()
}
