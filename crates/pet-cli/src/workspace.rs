//! Opens what several commands need: the data set, the tracking store, the predictor.

#[cfg(feature = "training")]
mod training;

use std::path::{Path, PathBuf};

use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

use crate::failure::Failure;

#[cfg(feature = "training")]
pub(crate) use training::{dataset, split, tracking};

/// The folder of the cache that holds ONNX Runtime, one folder for each version.
pub(crate) fn runtime_folder(cache: &Path) -> PathBuf {
    cache.join("onnxruntime")
}

/// Loads ONNX Runtime from `ORT_DYLIB_PATH`, from beside the program, from the cache or from the system.
pub(crate) fn runtime(cache: &Path) -> Result<Runtime, Failure> {
    let paths = SearchPaths::default()
        .with_library(std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from))
        .with_folder(runtime_folder(cache));
    Ok(Runtime::load(&paths)?)
}

/// Loads a model with `sessions` sessions, or as many as there are processors.
pub(crate) fn predictor(
    cache: &Path,
    model: &Path,
    sessions: Option<std::num::NonZero<usize>>,
) -> Result<ImagePredictor, Failure> {
    let mut options = Options::default();
    options.sessions = sessions.unwrap_or(options.sessions);
    Ok(ImagePredictor::load(&runtime(cache)?, model, &options)?)
}
