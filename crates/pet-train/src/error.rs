//! Errors of reading weights and of training.

use std::path::PathBuf;

/// A failure to read weights or to train a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the source names it.
    #[error("cannot access a file")]
    Io(#[from] std::io::Error),
    /// A tensor operation failed.
    #[error("a tensor operation failed")]
    Tensor(#[from] candle_core::Error),
    /// A file of weights is too large.
    #[error("`{}` has {got} bytes, more than the limit of {expected}", path.display())]
    WeightsTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        expected: u64,
        /// The file's size in bytes.
        got: u64,
    },
    /// A `.safetensors` file is invalid.
    #[error("`{}` is not a valid safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: safetensors::SafeTensorError,
    },
    /// A file is not a PyTorch state dict.
    #[error("`{}` is not a PyTorch state dict", path.display())]
    StateDict {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: torch_state_dict::Error,
    },
    /// Tensors could not be written as a `.safetensors` file.
    #[error("cannot encode the weights")]
    Serialize(#[source] safetensors::SafeTensorError),
    /// A file does not have the tensors of a known network.
    #[error(
        "`{}` does not contain the weights of {network}: missing {}; unexpected {}",
        path.display(),
        list(missing),
        list(surplus)
    )]
    TensorNames {
        /// The file.
        path: PathBuf,
        /// The network that comes closest.
        network: &'static str,
        /// Tensors that the file lacks.
        missing: Vec<String>,
        /// Tensors that the network does not have.
        surplus: Vec<String>,
    },
    /// A tensor is missing.
    #[error("the weights have no tensor `{name}`")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor has the wrong shape.
    #[error("tensor `{name}` has shape {got:?}, expected {expected:?}")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// The expected shape.
        expected: Vec<usize>,
        /// The actual shape.
        got: Vec<usize>,
    },
    /// A tensor has the wrong type.
    #[error("tensor `{name}` has type `{got}`, expected `{expected}`")]
    TensorType {
        /// The tensor's name.
        name: String,
        /// The expected type.
        expected: &'static str,
        /// The actual type.
        got: String,
    },
    /// A weight is infinite or NaN.
    #[error("`{}` holds {value} in tensor `{name}`, expected finite numbers", path.display())]
    WeightNotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The first such value.
        value: f32,
    },
    /// The feature cache is damaged.
    #[error("the feature cache `{}` is corrupt: {reason}", path.display())]
    CorruptCache {
        /// The cache's file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A checkpoint is damaged.
    #[error("the checkpoint `{}` is corrupt: {reason}", path.display())]
    CorruptCheckpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// The problem.
        reason: String,
    },
    /// A checkpoint belongs to another training.
    #[error("the checkpoint `{}` has {what} {got}, expected {expected}", path.display())]
    OtherCheckpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// The value of this training.
        expected: String,
        /// The value in the checkpoint.
        got: String,
    },
    /// Inputs do not fit the trained part of the network.
    #[error("inputs have {got} numbers each, expected {expected}")]
    InputValues {
        /// Values of one input of the network.
        expected: usize,
        /// Values of one example.
        got: usize,
    },
    /// A label is not a class index.
    #[error("an image has label {label}, but there are {classes} classes")]
    Label {
        /// The label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// The activations of the frozen part for all images do not fit in memory.
    #[error(
        "the activations below the trained blocks need {got} bytes, more than the limit of {expected}"
    )]
    ActivationsTooLarge {
        /// The limit in bytes.
        expected: u64,
        /// Their size in bytes.
        got: u64,
    },
    /// Some images cannot be used.
    #[error("{} of the images cannot be used: {}", failures.len(), list_failures(failures))]
    UnreadableImages {
        /// The images with their errors.
        failures: Vec<(PathBuf, Error)>,
    },
    /// An image file is too large.
    #[error("the file has {got} bytes, more than the limit of {expected}")]
    ImageTooLarge {
        /// The limit in bytes.
        expected: u64,
        /// The file's size in bytes.
        got: u64,
    },
    /// An image file is not the one that was hashed with its data set.
    #[error("the file has changed since the data set was read")]
    ImageChanged,
    /// An image cannot be preprocessed.
    #[error("{0}")]
    Image(#[from] pet_image::Error),
    /// A file of the model could not be written.
    #[error("cannot write the model's files")]
    Model(#[from] pet_model::Error),
    /// The network could not be written as ONNX.
    #[error("cannot write the ONNX model")]
    Onnx(#[from] onnx_graph::Error),
    /// A value cannot be written as JSON.
    #[error("cannot write the recipe as JSON")]
    Json(#[source] serde_json::Error),
    /// A hyper-parameter is out of range.
    #[error("{name} is {got}, expected {expected}")]
    InvalidConfiguration {
        /// The hyper-parameter.
        name: &'static str,
        /// The valid range.
        expected: String,
        /// The value.
        got: String,
    },
    /// A split has no images.
    #[error("there are no {split} images")]
    NoImages {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// The loss is infinite or NaN.
    #[error("the loss is not finite after epoch {} with learning rate {learning_rate:?}", epoch + 1)]
    Diverged {
        /// The epoch, from 0.
        epoch: usize,
        /// The learning rate.
        learning_rate: f64,
    },
    /// The work was interrupted by an [`Interrupt`](crate::Interrupt).
    #[error("interrupted")]
    Interrupted,
    /// The [`Observer`](crate::Observer) failed.
    #[error("cannot record the epoch")]
    Observer(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A [`Teacher`](crate::Teacher) failed.
    #[error("a teacher failed")]
    Teacher(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A teacher's output is not one finite logit per class.
    #[error("a teacher returned {got} numbers, expected {classes} finite ones")]
    TeacherAnswer {
        /// Number of classes.
        classes: usize,
        /// Number of values in its output.
        got: usize,
    },
}

impl Error {
    /// Suggests how to solve the problem.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TensorNames { .. } | Self::StateDict { .. } | Self::Safetensors { .. } => Some(
                "the backbone must be torchvision's MobileNetV2 or an EfficientNet-Lite 0 to 2, as .pth, .pt or \
                 .safetensors"
                    .into(),
            ),
            Self::WeightNotFinite { .. } => Some(
                "the file is damaged, or the training that wrote it diverged: use another one"
                    .into(),
            ),
            Self::CorruptCache { path, .. } => Some(format!(
                "delete `{}`; the features will be recomputed",
                path.display()
            )),
            Self::CorruptCheckpoint { path, .. } => {
                Some(format!("delete `{}` and train again", path.display()))
            }
            Self::OtherCheckpoint { .. } => {
                Some("resume with the data and the options that the run was started with".into())
            }
            Self::ActivationsTooLarge { .. } => {
                Some("train fewer blocks, or everything, which stores no activations".into())
            }
            Self::UnreadableImages { failures } if failures.iter().any(is_gone) => Some(
                "run again when nothing is changing the folder: files are gone that existed when it was listed".into(),
            ),
            Self::UnreadableImages { failures } if failures.iter().any(has_changed) => Some(
                "restore the files, or train again when nothing is changing the folder: the run would have two data sets"
                    .into(),
            ),
            Self::UnreadableImages { .. } => Some("replace or remove these files".into()),
            Self::Diverged { .. } => Some("try a smaller learning rate".into()),
            _ => None,
        }
    }
}

/// Whether a listed image no longer exists.
fn is_gone((_, error): &(PathBuf, Error)) -> bool {
    matches!(error, Error::Io(source) if source.kind() == std::io::ErrorKind::NotFound)
}

/// Whether an image was replaced after its data set was hashed.
fn has_changed((_, error): &(PathBuf, Error)) -> bool {
    matches!(error, Error::ImageChanged)
}

/// The first few items and the number of the others.
fn listed(items: impl ExactSizeIterator<Item = String>, limit: usize) -> String {
    let others = items.len().saturating_sub(limit);
    let shown: Vec<String> = items.take(limit).collect();
    match (shown.as_slice(), others) {
        ([], _) => "none".into(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn list(names: &[String]) -> String {
    listed(names.iter().map(|name| format!("`{name}`")), 3)
}

fn list_failures(failures: &[(PathBuf, Error)]) -> String {
    let text = |(path, error): &(PathBuf, Error)| {
        format!("`{}` ({})", path.display(), pet_data::file_reason(error))
    };
    listed(failures.iter().map(text), 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_learning_rates_are_short() {
        let text = |learning_rate| {
            let epoch = 0;
            Error::Diverged { epoch, learning_rate }.to_string()
        };
        assert!(text(1e38).ends_with("with learning rate 1e38"));
        assert!(text(0.001).ends_with("with learning rate 0.001"));
    }
}
