//! Opens image files, ONNX Runtime and models.

use std::io::ErrorKind;
use std::path::Path;

use fs_err as fs;
use pet_image::Limits;
use pet_predict::{Model, Options, Runtime};

use crate::arguments::{CacheArgument, ResultsArgument};
use crate::failure::Failure;

/// Reads a file up to the size limit.
pub(crate) fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let size = match fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Failure::FileNotFound { path: path.into() });
        }
        Err(error) => return Err(error.into()),
    };
    if size > limits.bytes {
        let too_large = Failure::FileTooLarge { expected: limits.bytes, got: size };
        return Err(at(path, too_large));
    }
    Ok(fs::read(path)?)
}

/// Checks that there is something at this path, for an error without the words of the operating system.
pub(crate) fn check_exists(path: &Path) -> Result<(), Failure> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(Failure::FileNotFound { path: path.into() });
    }
    Ok(())
}

/// Adds a path to an error.
pub(crate) fn at(path: &Path, source: Failure) -> Failure {
    Failure::File { path: path.to_owned(), source: Box::new(source) }
}

/// Loads ONNX Runtime.
pub(crate) fn runtime(cache: &CacheArgument) -> Result<Runtime, Failure> {
    Ok(Runtime::load(&cache.libraries())?)
}

/// Loads a model from the given file, or else from the results in the requested precision.
pub(crate) fn model(
    cache: &CacheArgument,
    file: Option<&Path>,
    results: &ResultsArgument,
    options: &Options,
) -> Result<Model, Failure> {
    if let Some(file) = file {
        // A misspelled name is reported before a missing library.
        if !file.exists() {
            let path = file.to_owned();
            return Err(pet_predict::Error::NoModel { path }.into());
        }
        return Ok(Model::load(&runtime(cache)?, file, options)?);
    }
    // Before loading the library, which takes longer.
    let results = results.find()?;
    Ok(Model::from_results(&runtime(cache)?, &results, options)?)
}
