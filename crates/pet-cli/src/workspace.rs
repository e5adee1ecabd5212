//! Opens what several commands need: image files, ONNX Runtime and models.

use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;
use pet_image::Limits;
use pet_predict::{Model, Options, Runtime};

use crate::arguments::{CacheArgument, ResultsArgument};
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

/// Loads ONNX Runtime.
pub(crate) fn runtime(cache: &CacheArgument) -> Result<Runtime, Failure> {
    Ok(Runtime::load(&cache.libraries())?)
}

/// Loads a model: the file that was named, else of the results that of the precision asked for.
pub(crate) fn model(
    cache: &CacheArgument,
    file: Option<&Path>,
    results: &ResultsArgument,
    options: &Options,
) -> Result<Model, Failure> {
    if let Some(file) = file {
        // A mistyped name is told before a library that is missing as well.
        if !file.exists() {
            let path = file.to_owned();
            return Err(pet_predict::Error::NoModel { path }.into());
        }
        return Ok(Model::load(&runtime(cache)?, file, options)?);
    }
    // Before the library is loaded, which takes longer.
    let results = results.find()?;
    Ok(Model::from_results(&runtime(cache)?, &results, options)?)
}
