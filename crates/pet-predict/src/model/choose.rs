//! Choosing between the models of a folder.

use std::path::{Path, PathBuf};

use pet_model::{ModelMetadata, Precision};

use super::source::read;

/// The file to use, and a fallback. Without a requested precision the first is the quantized model, if
/// there is one that belongs to the other.
pub(super) fn files(
    folder: &Path,
    precision: Option<Precision>,
    limit: u64,
) -> (PathBuf, Option<PathBuf>) {
    let [floats, integers] = Precision::ALL.map(|precision| folder.join(precision.file()));
    match precision {
        Some(precision) => (folder.join(precision.file()), None),
        None if !integers.exists() => (floats, None),
        None if !floats.exists() => (integers, None),
        None if belong_together(&floats, &integers, limit) => (integers, Some(floats)),
        None => (floats, None),
    }
}

/// Whether two models have the same origin: one may have been replaced without the other. Unreadable
/// models are reported when they are loaded.
fn belong_together(floats: &Path, integers: &Path, limit: u64) -> bool {
    let [floats, integers] = [floats, integers].map(|path| metadata(path, limit));
    match (floats, integers) {
        (Some(floats), Some(integers)) => {
            let precision = integers.precision;
            let [floats, integers] = [floats, integers].map(ModelMetadata::without_measurements);
            floats.with_precision(precision) == integers
        }
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

fn metadata(path: &Path, limit: u64) -> Option<ModelMetadata> {
    let bytes = read(path, limit).ok()?;
    let model = onnx_graph::Model::from_bytes(&bytes).ok()?;
    ModelMetadata::from_properties(model.metadata()).ok()
}
