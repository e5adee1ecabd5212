//! What can be wrong with the files of a model.

use std::path::PathBuf;

/// Why a model's description could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the source names the path.
    #[error("cannot access a file")]
    Io {
        /// The operating system's answer, with the path.
        source: std::io::Error,
    },
    /// A file is not the JSON it should be.
    #[error("`{}` is not valid", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where the JSON breaks.
        source: serde_json::Error,
    },
    /// The model was not written by this project, or by a much older version of it.
    #[error("the model's metadata has no `{key}`")]
    MissingProperty {
        /// The metadata key that was looked for.
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
    /// The model follows rules that this program does not know.
    #[error("the model's metadata has format `{got}`, expected `{expected}`")]
    UnknownFormat {
        /// The format this program writes and reads.
        expected: &'static str,
        /// The format found.
        got: String,
    },
    /// The model computes in numbers that this program does not know.
    #[error("the model's precision is `{got}`, expected `fp32` or `int8`")]
    UnknownPrecision {
        /// The precision found.
        got: String,
    },
    /// The temperature cannot divide the model's output.
    #[error("the model's temperature is `{got}`, expected a finite number above 0")]
    InvalidTemperature {
        /// The temperature found.
        got: f64,
    },
    /// No cosine is as large or as small as the least similarity.
    #[error("the model's least similarity is `{got}`, expected a number from -1 to 1")]
    InvalidSimilarity {
        /// The least similarity found.
        got: f64,
    },
    /// The reference is not one of this model's answers.
    #[error("the model's reference has {got} {what}, expected {expected}")]
    InvalidReference {
        /// What it has too many or too few of.
        what: &'static str,
        /// How many the model's answers have.
        expected: usize,
        /// How many it has.
        got: usize,
    },
    /// The class list cannot be one.
    #[error("the class list is not valid: {reason}")]
    InvalidClasses {
        /// What is wrong with it.
        reason: String,
    },
}

impl Error {
    /// What a person can do about it.
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

impl From<std::io::Error> for Error {
    fn from(source: std::io::Error) -> Self {
        Self::Io { source }
    }
}
