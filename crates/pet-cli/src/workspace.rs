//! Opens what several commands need: image files, ONNX Runtime and models.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_image::Limits;
use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};

use crate::arguments::{CacheArgument, PrecisionArgument};
use crate::failure::Failure;

/// Reads a file that is not larger than what would be decoded.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::FileNotFound { path: path.into() });
        }
        Err(error) => return Err(error.into()),
    };
    if size > limits.bytes {
        let too_large = Failure::FileTooLarge {
            expected: limits.bytes,
            got: size,
        };
        return Err(at(path, too_large));
    }
    Ok(fs::read(path)?)
}

/// Names the file that something went wrong with.
pub(crate) fn at(path: &Path, source: Failure) -> Failure {
    Failure::File {
        path: path.to_owned(),
        source: Box::new(source),
    }
}

/// Where ONNX Runtime may be: at `ORT_DYLIB_PATH`, beside the program, in the cache or where the system looks.
pub(crate) fn libraries(cache: &CacheArgument) -> SearchPaths {
    SearchPaths::default()
        .with_library(std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from))
        .with_folder(cache.runtime_folder())
}

/// Loads ONNX Runtime.
pub(crate) fn runtime(cache: &CacheArgument) -> Result<Runtime, Failure> {
    Ok(Runtime::load(&libraries(cache))?)
}

/// Loads a model, of a folder that of the precision asked for.
pub(crate) fn predictor(
    cache: &CacheArgument,
    model: &Path,
    precision: PrecisionArgument,
    options: Options,
) -> Result<ImagePredictor, Failure> {
    let options = options.with_precision(precision.precision.precision());
    Ok(ImagePredictor::load(&runtime(cache)?, model, &options)?)
}
