//! The error type of the crate.

use std::path::{Path, PathBuf};

/// An error of ONNX Runtime, without its type.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a model cannot be loaded or run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The library was not found.
    #[error("ONNX Runtime was not found; searched in {}", list(searched))]
    LibraryNotFound {
        /// The places that were searched, in order.
        searched: Vec<String>,
    },
    /// A file that is not a library, or is truncated.
    #[error("`{}` is not the ONNX Runtime library: {reason}", path.display())]
    NotALibrary {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A library that cannot be loaded.
    #[error("the ONNX Runtime library `{}` cannot be loaded", path.display())]
    LoadLibrary {
        /// The file, or the bare name for the system's loader.
        path: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// There is no model at the path.
    #[error("no model found at `{}`", path.display())]
    NoModel {
        /// The file.
        path: PathBuf,
    },
    /// A model file that cannot be read.
    #[error("cannot read the model")]
    ReadModel(#[source] std::io::Error),
    /// A model file that is empty or too large.
    #[error("the model `{}` has {got} bytes, expected 1 to {limit}", path.display())]
    ModelSize {
        /// The file.
        path: PathBuf,
        /// The largest accepted size in bytes.
        limit: u64,
        /// Its size in bytes.
        got: u64,
    },
    /// A file that ONNX Runtime cannot load.
    #[error("ONNX Runtime cannot load the model `{}`", path.display())]
    LoadModel {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: Cause,
    },
    /// A model with missing or unknown metadata.
    #[error("the model `{}` has invalid metadata", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is missing or unknown.
        source: pet_model::Error,
    },
    /// A model whose inputs or outputs do not match its metadata.
    #[error("the model `{}` should have {expected}, got {got}", path.display())]
    Interface {
        /// The file.
        path: PathBuf,
        /// What follows from the metadata.
        expected: String,
        /// What the graph has.
        got: String,
    },
    /// A model whose precision is not that of its file name.
    #[error("the model `{}` should use {expected}, but uses {got}", path.display())]
    Precision {
        /// The file.
        path: PathBuf,
        /// The precision of its file name.
        expected: pet_model::Precision,
        /// The precision of its metadata.
        got: pet_model::Precision,
    },
    /// A class list next to the model that cannot be read.
    #[error("cannot read the class list next to the model")]
    ReadClasses(#[source] pet_model::Error),
    /// A class list next to the model that differs from the model's.
    #[error(
        "`{}` does not belong to the model next to it: {expected} in the model, {got} in the file",
        path.display()
    )]
    Classes {
        /// The class list.
        path: PathBuf,
        /// The first difference, in the model.
        expected: String,
        /// The first difference, in the file.
        got: String,
    },
    /// A model that does not end with global average pooling and one linear layer.
    #[error("the predictions of the model `{}` cannot be explained", path.display())]
    Unexplainable {
        /// The file.
        path: PathBuf,
        /// What it ends with, or why it cannot be read.
        source: Cause,
    },
    /// A class that the model does not have.
    #[error("the model has no class `{class}`")]
    UnknownClass {
        /// The requested name.
        class: String,
        /// The model's class with the most similar name, if there is one.
        nearest: Option<String>,
    },
    /// A photograph that cannot be decoded.
    #[error("cannot use the photo")]
    Image(#[from] pet_image::Error),
    /// An input tensor of the wrong length.
    #[error("a batch of {batch} needs {expected} numbers, got {got}")]
    TensorLength {
        /// Images in the batch.
        batch: usize,
        /// Numbers that the batch needs.
        expected: usize,
        /// Numbers in the tensor.
        got: usize,
    },
    /// ONNX Runtime failed while running the model.
    #[error("ONNX Runtime failed to run the model")]
    Run(#[source] Cause),
    /// The model's output is not what its metadata promises.
    #[error("the model should return {expected}, got {got}")]
    Answer {
        /// The expected output.
        expected: String,
        /// The output.
        got: String,
    },
}

impl Error {
    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::LibraryNotFound { .. } => {
                Some("install ONNX Runtime, or add its folder to the search paths".into())
            }
            Self::NotALibrary { .. } | Self::LoadLibrary { .. } => {
                Some("install ONNX Runtime again, or use another library".into())
            }
            Self::NoModel { .. } | Self::ReadModel { .. } => {
                Some("export a model first, or use another path".into())
            }
            Self::ModelSize { .. }
            | Self::LoadModel { .. }
            | Self::Interface { .. }
            | Self::Precision { .. } => Some("export the model again".into()),
            Self::Metadata { source, .. } | Self::ReadClasses(source) => source.hint(),
            Self::Classes { path, .. } => {
                Some(format!("delete `{}` and export the model again", path.display()))
            }
            Self::UnknownClass { nearest, .. } => Some(match nearest {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => "the model's classes are listed in `classes.json`".into(),
            }),
            _ => None,
        }
    }

    pub(crate) fn load_model(path: &Path, source: impl Into<Cause>) -> Self {
        Self::LoadModel { path: path.to_owned(), source: source.into() }
    }

    pub(crate) fn run(source: ort::Error) -> Self {
        Self::Run(source.into())
    }
}

fn list(places: &[String]) -> String {
    if places.is_empty() { "nowhere".into() } else { places.join(", ") }
}
