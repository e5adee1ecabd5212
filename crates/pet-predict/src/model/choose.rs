//! Which of the models in a folder is run.

use std::path::{Path, PathBuf};

use pet_model::{ModelMetadata, Precision};

use super::source::read;

/// The file to run, and the one to run when that cannot be. Asked for no precision, the first is the
/// model in 8-bit integers, if there is one that belongs to the other.
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

/// Whether two models are of the same version of the same run: one may have been replaced without
/// the other. What cannot be read is judged when it is loaded.
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
