//! The error type of the crate.

use std::path::PathBuf;

/// Why a file of a model, or its metadata, cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the source names the path.
    #[error("cannot access a file")]
    Io(#[from] std::io::Error),
    /// A file is not the expected JSON.
    #[error("`{}` is not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// The position and the problem.
        source: serde_json::Error,
    },
    /// The model was not written by this project, or by a very old version of it.
    #[error("the model's metadata has no `{key}`")]
    MissingProperty {
        /// The missing key.
        key: &'static str,
    },
    /// A metadata value cannot be understood.
    #[error("the model's metadata `{key}` is not valid")]
    InvalidProperty {
        /// The metadata key.
        key: &'static str,
        /// What is wrong with its value.
        source: serde_json::Error,
    },
    /// The metadata has an unknown format.
    #[error("the model's metadata has format `{got}`, expected `{expected}`")]
    UnknownFormat {
        /// The format this program writes and reads.
        expected: &'static str,
        /// The format found.
        got: String,
    },
    /// The model has an unknown precision.
    #[error("the model's precision is `{got}`, expected `fp32` or `int8`")]
    UnknownPrecision {
        /// The precision found.
        got: String,
    },
    /// The temperature is not a positive number.
    #[error("the model's temperature is `{got}`, expected a finite number above 0")]
    InvalidTemperature {
        /// The temperature found.
        got: f64,
    },
    /// The similarity threshold is not a cosine.
    #[error("the model's minimum similarity is `{got}`, expected a number from -1 to 1")]
    InvalidSimilarity {
        /// The threshold found.
        got: f64,
    },
    /// The reference does not fit the model.
    #[error("the model's reference has {got} {what}, expected {expected}")]
    InvalidReference {
        /// What has the wrong number.
        what: &'static str,
        /// The expected number.
        expected: usize,
        /// The number in the reference.
        got: usize,
    },
    /// The class list is invalid.
    #[error("the class list is not valid: {reason}")]
    InvalidClasses {
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MissingProperty { .. } | Self::UnknownFormat { .. } => {
                Some("export the model again".into())
            }
            Self::Json { path, .. } => {
                Some(format!("delete `{}` and export again", path.display()))
            }
            _ => None,
        }
    }
}
