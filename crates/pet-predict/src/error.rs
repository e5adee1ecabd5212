//! What can go wrong between a photograph and its class.

use std::path::PathBuf;

/// The cause that ONNX Runtime reports, kept without naming its type.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No library where it was looked for.
    #[error("ONNX Runtime was not found; looked for it in {}", list(searched))]
    LibraryNotFound {
        /// The places, in order.
        searched: Vec<String>,
    },
    /// A file that is no library, or not a whole one.
    #[error("`{}` is not the ONNX Runtime library: {reason}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: String,
    },
    /// A library that the system or this program cannot use.
    #[error("the ONNX Runtime library `{}` cannot be loaded", path.display())]
    LoadLibrary {
        /// The file, or the bare name that the system was asked for.
        path: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// No model at the place that was named.
    #[error("there is no model at `{}`", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
    },
    /// A model file that cannot be read.
    #[error("cannot read the model")]
    ReadModel {
        /// The operating system's answer, with the path.
        source: std::io::Error,
    },
    /// A model file of a size that no model has.
    #[error("the model `{}` has {got} bytes, expected 1 to {limit}", path.display())]
    ModelSize {
        /// The file.
        path: PathBuf,
        /// The largest size that is accepted, in bytes.
        limit: u64,
        /// Its size in bytes.
        got: u64,
    },
    /// A file that ONNX Runtime does not take for a model.
    #[error("ONNX Runtime cannot load the model `{}`", path.display())]
    LoadModel {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// A model that does not say, or not in a known way, how it wants to be used.
    #[error("the model `{}` does not say how to use it", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is missing or unknown.
        source: pet_model::Error,
    },
    /// A model with another input or output than its metadata calls for.
    #[error("the model `{}` should have {expected}, got {got}", path.display())]
    Interface {
        /// The file.
        path: PathBuf,
        /// What follows from the metadata.
        expected: String,
        /// What the graph has.
        got: String,
    },
    /// A model in a folder under the name of another precision than its own.
    #[error("the model `{}` should compute in {expected}, but computes in {got}", path.display())]
    Precision {
        /// The file.
        path: PathBuf,
        /// What its name says.
        expected: pet_model::Precision,
        /// What it says of itself.
        got: pet_model::Precision,
    },
    /// A class list beside the model that cannot be read.
    #[error("cannot read the class list beside the model")]
    ReadClasses {
        /// What is wrong with it; names the file.
        source: pet_model::Error,
    },
    /// A class list beside the model that is not the model's.
    #[error(
        "`{}` does not belong to the model beside it: {expected} in the model, {got} in the file",
        path.display()
    )]
    Classes {
        /// The class list.
        path: PathBuf,
        /// What the model says, where they differ.
        expected: String,
        /// What the file says.
        got: String,
    },
    /// A model that does not end with global average pooling and one linear layer.
    #[error("the answers of the model `{}` cannot be explained", path.display())]
    Unexplainable {
        /// The file.
        path: PathBuf,
        /// What it ends with instead, or why it cannot be read.
        source: Cause,
    },
    /// A class that the model does not tell apart.
    #[error("the model has no class `{class}`")]
    UnknownClass {
        /// The name asked for.
        class: String,
        /// The model's class that is named much like it, if there is one.
        nearest: Option<String>,
    },
    /// A photograph that is none, or too large a one.
    #[error("the photograph cannot be used")]
    Image {
        /// What is wrong with it.
        #[from]
        source: pet_image::Error,
    },
    /// Numbers for the input that are not as many as the model takes.
    #[error("a batch of {batch} takes {expected} numbers, got {got}")]
    TensorLength {
        /// Images in the batch.
        batch: usize,
        /// Numbers that the batch takes.
        expected: usize,
        /// Numbers given.
        got: usize,
    },
    /// ONNX Runtime failed while running the model.
    #[error("ONNX Runtime failed to run the model")]
    Run {
        /// Why.
        source: Cause,
    },
    /// The model's answer cannot be read as scores of classes.
    #[error("the model should answer with {expected}, got {got}")]
    Answer {
        /// What the metadata calls for.
        expected: String,
        /// What it answered.
        got: String,
    },
}

impl Error {
    /// What can be done about it, where there is something.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::LibraryNotFound { .. } => {
                Some("install ONNX Runtime, or add its folder to the search paths".into())
            }
            Self::NotALibrary { .. } | Self::LoadLibrary { .. } => {
                Some("install ONNX Runtime again, or name another library".into())
            }
            Self::NoModel { .. } | Self::ReadModel { .. } => {
                Some("export a model first, or name another path".into())
            }
            Self::ModelSize { .. }
            | Self::LoadModel { .. }
            | Self::Interface { .. }
            | Self::Precision { .. } => Some("export the model again".into()),
            Self::Metadata { source, .. } | Self::ReadClasses { source } => source.hint(),
            Self::Classes { path, .. } => Some(format!(
                "delete `{}` and export the model again",
                path.display()
            )),
            Self::UnknownClass { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "the model's classes are listed in `classes.json`".into(),
            }),
            _ => None,
        }
    }

    pub(crate) fn run(source: ort::Error) -> Self {
        Self::Run {
            source: Box::new(source),
        }
    }
}

fn list(places: &[String]) -> String {
    if places.is_empty() {
        "no place at all".into()
    } else {
        places.join(", ")
    }
}
