//! Arguments that several subcommands share.

use std::io::ErrorKind;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use fs_err as fs;
use pet_image::Limits;
use pet_predict::{Model, Options, Precision, Results, Runtime, SearchPaths};
#[cfg(feature = "training")]
use pet_train::network::Architecture;

use crate::failure::Failure;
use crate::places::Places;
#[cfg(feature = "training")]
use crate::places::RUNTIME;

/// Where the served files are.
#[derive(Args, Clone)]
pub(crate) struct ResultsArgument {
    /// Folder of the model [default: the first `results` with a model in the current folder, in the workspace, next to
    /// the program or in the user's data folder; otherwise the built-in model]
    #[arg(long, value_name = "DIR", env = "PET_RESULTS")]
    results: Option<PathBuf>,
}

impl ResultsArgument {
    /// The model to use.
    pub(crate) fn find(&self) -> Result<Results, Failure> {
        Places::here().results(self.results.as_deref())
    }
}

/// Which model.
#[derive(Args)]
pub(crate) struct ModelArguments {
    #[command(flatten)]
    results: ResultsArgument,
    /// Model file, instead of the one in the results
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

impl ModelArguments {
    /// Loads the given file, or else the model of the results in the requested precision.
    pub(crate) fn load(&self, cache: &CacheArgument, options: &Options) -> Result<Model, Failure> {
        let Some(file) = &self.model else {
            // Before loading the library, which takes longer.
            let results = self.results.find()?;
            return Ok(Model::from_results(&cache.runtime()?, &results, options)?);
        };
        // A misspelled name is reported before a missing library.
        if !file.exists() {
            let path = file.clone();
            return Err(pet_predict::Error::NoModel { path }.into());
        }
        Ok(Model::load(&cache.runtime()?, file, options)?)
    }
}

/// Where downloads and computed features are kept.
#[derive(Args, Clone)]
pub(crate) struct CacheArgument {
    /// Folder for downloads and computed features [default: `.cache` in the workspace; outside of a workspace, the
    /// user's data and cache folders]
    #[arg(long, value_name = "DIR", env = "PET_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheArgument {
    /// Where to search for ONNX Runtime: `ORT_DYLIB_PATH`, the folders of this program, then those of the system.
    pub(crate) fn libraries(&self) -> SearchPaths {
        let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        Places::here().libraries(self.cache_dir.as_deref(), named)
    }

    /// Loads ONNX Runtime.
    pub(crate) fn runtime(&self) -> Result<Runtime, Failure> {
        Ok(Runtime::load(&self.libraries())?)
    }
}

#[cfg(feature = "training")]
impl CacheArgument {
    /// The folder of features, checkpoints and unsent runs.
    pub(crate) fn folder(&self) -> PathBuf {
        Places::here().cache(self.cache_dir.as_deref())
    }

    /// Where `pet-cli setup` installs ONNX Runtime, in a folder for each version.
    pub(crate) fn runtime_folder(&self) -> PathBuf {
        Places::here().downloads(self.cache_dir.as_deref()).join(RUNTIME)
    }

    /// Where `pet-cli setup` stores a backbone's weights.
    pub(crate) fn backbone_target(&self, name: &str) -> PathBuf {
        Places::here().downloads(self.cache_dir.as_deref()).join(backbone(name))
    }

    /// The weights of a backbone that is given as a file or by name, with the backbone if it was given by name. Those of a
    /// name are where `pet-cli setup` stored them, or else would store them.
    pub(crate) fn weights(&self, given: &Path) -> (PathBuf, Option<&'static Architecture>) {
        let Some(network) = given.to_str().and_then(Architecture::named) else {
            return (given.to_owned(), None);
        };
        let cache = self.cache_dir.as_deref();
        (Places::here().download(cache, &backbone(network.name)), Some(network))
    }
}

/// The path of a backbone's weights in a folder of downloads.
#[cfg(feature = "training")]
fn backbone(name: &str) -> PathBuf {
    format!("backbone/{name}.safetensors").into()
}

/// How large an image may be.
#[derive(Args, Clone, Copy)]
pub(crate) struct LimitArguments {
    /// Maximum size of an image file, in bytes
    #[arg(long, env = "PET_MAX_UPLOAD", value_name = "BYTES", default_value_t = Limits::default().bytes)]
    max_upload: u64,
    /// Maximum size of an image, width times height
    #[arg(long, env = "PET_MAX_PIXELS", value_name = "PIXELS", default_value_t = Limits::default().pixels)]
    max_pixels: u64,
}

impl LimitArguments {
    pub(crate) fn limits(self) -> Limits {
        Limits::default().with_bytes(self.max_upload).with_pixels(self.max_pixels)
    }

    /// Reads an image file up to the size limit.
    pub(crate) fn read(self, path: &Path) -> Result<Vec<u8>, Failure> {
        let size = match fs::metadata(path) {
            Ok(metadata) => metadata.len(),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Failure::FileNotFound { path: path.into() });
            }
            Err(error) => return Err(error.into()),
        };
        if size > self.max_upload {
            let too_large = Failure::FileTooLarge { expected: self.max_upload, got: size };
            return Err(too_large.at(path));
        }
        Ok(fs::read(path)?)
    }
}

/// Checks that there is something at this path, for an error without the words of the operating system.
pub(crate) fn check_exists(path: &Path) -> Result<(), Failure> {
    if matches!(path.try_exists(), Ok(false)) {
        return Err(Failure::FileNotFound { path: path.into() });
    }
    Ok(())
}

/// Which of the models in the results folder.
#[derive(Args, Clone, Copy)]
pub(crate) struct PrecisionArgument {
    /// Numeric precision of the model
    #[arg(long, env = "PET_PRECISION", value_enum, default_value_t = PrecisionChoice::Auto)]
    pub(crate) precision: PrecisionChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrecisionChoice {
    /// 8-bit integers if there is such a model, otherwise floating-point numbers
    Auto,
    /// 32-bit floating-point numbers: `model.onnx`
    Fp32,
    /// 8-bit integers: `model.int8.onnx`
    Int8,
}

impl PrecisionChoice {
    /// The requested precision; `None` for `auto`.
    pub(crate) fn precision(self) -> Option<Precision> {
        match self {
            Self::Auto => None,
            Self::Fp32 => Some(Precision::Fp32),
            Self::Int8 => Some(Precision::Int8),
        }
    }
}

/// Text or JSON.
#[derive(Args, Clone, Copy)]
pub(crate) struct JsonArgument {
    /// Print JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Parses a count of at least 1.
pub(crate) fn count(text: &str) -> Result<NonZero<usize>, String> {
    text.parse().map_err(|_| "expected an integer of at least 1".into())
}

/// Parses a folder. Unlike clap's own parser, it accepts an empty environment variable.
pub(crate) fn folder() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

/// The folder, or `None` if it is empty.
pub(crate) fn some_folder(folder: Option<&PathBuf>) -> Option<PathBuf> {
    folder.filter(|folder| !folder.as_os_str().is_empty()).cloned()
}

/// Parses a number of bytes: `268435456`, `256M`, `256MiB`. Units are powers of 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.strip_suffix("ib").or_else(|| unit.strip_suffix('b')) {
        Some(letter) => power(letter),
        None => power(&unit),
    };
    let bytes = number.parse::<u64>().ok().zip(shift);
    bytes
        .and_then(|(number, shift)| number.checked_mul(1 << shift))
        .ok_or_else(|| "expected a number of bytes such as `512M` or `2GiB`".into())
}

fn power(letter: &str) -> Option<u32> {
    match letter {
        "" => Some(0),
        "k" => Some(10),
        "m" => Some(20),
        "g" => Some(30),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_parsed_with_and_without_units() {
        for (text, expected) in [
            ("0", 0),
            ("1000", 1000),
            ("64k", 64 << 10),
            ("256M", 256 << 20),
            ("512MiB", 512 << 20),
            ("2 GB", 2 << 30),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for text in ["", "M", "1.5G", "-1", "1T", "18446744073709551615G"] {
            assert!(bytes(text).is_err(), "{text}");
        }
    }
}
