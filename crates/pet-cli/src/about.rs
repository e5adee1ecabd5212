//! `pet-cli --version`

use std::path::{Path, PathBuf};

use pet_predict::{Model, Options, Results};

use crate::failure::Failure;
use crate::hint::causes;
use crate::output;
use crate::places::Places;

/// Prints the version, the default model and the paths that are used.
pub(crate) fn print() -> Result<(), Failure> {
    let places = Places::here();
    let cache = variable("PET_CACHE_DIR");
    let cache = cache.as_deref();
    output::line(concat!("pet-cli ", env!("CARGO_PKG_VERSION")))?;
    output::line(format_args!("model: {}", default_model()))?;
    output::line(format_args!("ONNX Runtime: {}", library(&places, cache)))?;
    output::line(format_args!("cache: {}", places.cache(cache).display()))
}

/// The model that is used by default.
pub(crate) fn default_model() -> String {
    match Places::here().results(variable("PET_RESULTS").as_deref()) {
        Ok(results) => describe(&results),
        Err(failure) => failure.to_string(),
    }
}

/// Describes a model in one line.
fn describe(results: &Results) -> String {
    let metadata = match Model::describe(results, &Options::default()) {
        Ok(metadata) => metadata,
        Err(error) => return causes(&error).join(": "),
    };
    let version = metadata.model_version.as_deref();
    let version = version.map_or(String::new(), |version| format!(" version {version}"));
    format!(
        "{results}: {}{version}, {}, {} classes",
        metadata.model_name,
        metadata.precision,
        metadata.classes.len()
    )
}

fn library(places: &Places, cache: Option<&Path>) -> String {
    match places.libraries(cache, variable("ORT_DYLIB_PATH")).find() {
        Ok(library) if library.is_absolute() || library.is_file() => library.display().to_string(),
        Ok(library) => format!("not set up; the system is searched for `{}`", library.display()),
        Err(error) => error.to_string(),
    }
}

/// The value of an environment variable, unless it is empty.
fn variable(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}
