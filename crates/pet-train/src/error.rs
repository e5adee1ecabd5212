//! What can go wrong while training.

use std::path::PathBuf;

/// Why weights could not be read or a model not be trained.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read or written; the source names it.
    #[error("cannot access a file")]
    Io {
        /// The operating system's answer, with the path.
        #[from]
        source: std::io::Error,
    },
    /// A tensor operation failed.
    #[error("a tensor operation failed")]
    Tensor {
        /// candle's answer.
        #[from]
        source: candle_core::Error,
    },
    /// A file of weights is larger than any network here.
    #[error("`{}` holds {got} bytes, at most {expected} are read", path.display())]
    WeightsTooLarge {
        /// The file.
        path: PathBuf,
        /// The limit in bytes.
        expected: u64,
        /// The file's size in bytes.
        got: u64,
    },
    /// A file is not the `.safetensors` file it looks like.
    #[error("`{}` is not a valid safetensors file", path.display())]
    Safetensors {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: safetensors::SafeTensorError,
    },
    /// A file is not a PyTorch state dict.
    #[error("`{}` is not a PyTorch state dict", path.display())]
    StateDict {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: torch_state_dict::Error,
    },
    /// Tensors could not be written as a `.safetensors` file.
    #[error("cannot encode the weights")]
    Serialize {
        /// What is wrong with them.
        source: safetensors::SafeTensorError,
    },
    /// A file does not hold the tensors of a known network.
    #[error(
        "`{}` does not hold {network}: missing {}; surplus {}",
        path.display(),
        list(missing),
        list(surplus)
    )]
    TensorNames {
        /// The file.
        path: PathBuf,
        /// The network that comes closest.
        network: &'static str,
        /// Tensors that the network has and the file has not.
        missing: Vec<String>,
        /// Tensors that the file has and the network has not.
        surplus: Vec<String>,
    },
    /// A tensor is not there.
    #[error("the weights have no tensor `{name}`")]
    MissingTensor {
        /// The tensor's name.
        name: String,
    },
    /// A tensor has another shape than the network needs.
    #[error("tensor `{name}` has shape {got:?}, expected {expected:?}")]
    TensorShape {
        /// The tensor's name.
        name: String,
        /// The shape the network needs.
        expected: Vec<usize>,
        /// The shape found.
        got: Vec<usize>,
    },
    /// A tensor has another type than the network needs.
    #[error("tensor `{name}` has type `{got}`, expected `{expected}`")]
    TensorType {
        /// The tensor's name.
        name: String,
        /// The type the network needs.
        expected: &'static str,
        /// The type found.
        got: String,
    },
    /// A weight is not a finite number.
    #[error("`{}` holds {value} in tensor `{name}`, expected finite numbers", path.display())]
    WeightNotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor's name.
        name: String,
        /// The first such value.
        value: f32,
    },
    /// The cached features cannot be trusted.
    #[error("the feature cache `{}` is corrupt: {reason}", path.display())]
    CorruptCache {
        /// The cache's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint cannot be trusted.
    #[error("the checkpoint `{}` is corrupt: {reason}", path.display())]
    CorruptCheckpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A checkpoint is of another training.
    #[error("the checkpoint `{}` has {what} {got}, expected {expected}", path.display())]
    OtherCheckpoint {
        /// The checkpoint's file.
        path: PathBuf,
        /// What differs.
        what: &'static str,
        /// What this training has.
        expected: String,
        /// What the checkpoint has.
        got: String,
    },
    /// Inputs have another size than the trained part of the network takes.
    #[error("inputs hold {got} numbers each, expected {expected}")]
    InputValues {
        /// What the network takes.
        expected: usize,
        /// What the inputs hold.
        got: usize,
    },
    /// A label names no class.
    #[error("an image has label {label}, but there are {classes} classes")]
    Label {
        /// The label.
        label: u32,
        /// How many classes there are; labels count from 0.
        classes: usize,
    },
    /// What the frozen part makes of the images does not fit into memory.
    #[error(
        "the activations below the trained blocks take {got} bytes, at most {expected} are kept"
    )]
    ActivationsTooLarge {
        /// The limit in bytes.
        expected: u64,
        /// What they would take, in bytes.
        got: u64,
    },
    /// Some images of the data set cannot be used.
    #[error("{} of the images cannot be used: {}", failures.len(), list_failures(failures))]
    UnreadableImages {
        /// Each image with what is wrong with it.
        failures: Vec<(PathBuf, Error)>,
    },
    /// An image file is too large to be read.
    #[error("the file holds {got} bytes, at most {expected} are read")]
    ImageTooLarge {
        /// The limit in bytes.
        expected: u64,
        /// The file's size in bytes.
        got: u64,
    },
    /// An image cannot be turned into the network's input.
    #[error("{source}")]
    Image {
        /// What is wrong with it.
        #[from]
        source: pet_image::Error,
    },
    /// A file of the model could not be written.
    #[error("cannot write the model's files")]
    Model {
        /// Which, and why.
        #[from]
        source: pet_model::Error,
    },
    /// The network could not be written as ONNX.
    #[error("cannot write the ONNX model")]
    Onnx {
        /// What does not fit.
        #[from]
        source: onnx_graph::Error,
    },
    /// A value has no JSON form.
    #[error("cannot write the recipe as JSON")]
    Json {
        /// serde's answer.
        source: serde_json::Error,
    },
    /// A hyper-parameter cannot work.
    #[error("{name} is {got}, expected {expected}")]
    InvalidConfiguration {
        /// The hyper-parameter.
        name: &'static str,
        /// What would work.
        expected: String,
        /// What was given.
        got: String,
    },
    /// There is nothing to train on.
    #[error("there are no {split} images")]
    NoImages {
        /// `training` or `validation`.
        split: &'static str,
    },
    /// The loss is no longer a number.
    #[error("the loss is not finite after epoch {} with learning rate {learning_rate}", epoch + 1)]
    Diverged {
        /// From 0.
        epoch: usize,
        /// The learning rate it happened with.
        learning_rate: f64,
    },
    /// The work was asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// The observer of the training could not do its part.
    #[error("cannot record the epoch")]
    Observer {
        /// What it answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A teacher could not answer.
    #[error("a teacher failed")]
    Teacher {
        /// What it answered.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A teacher's answer is not one finite number for each class.
    #[error("a teacher answered {got} numbers, expected {classes} finite ones")]
    TeacherAnswer {
        /// Classes that are trained on.
        classes: usize,
        /// Numbers in its answer.
        got: usize,
    },
}

impl Error {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::TensorNames { .. } | Self::StateDict { .. } | Self::Safetensors { .. } => Some(
                "the backbone has to be torchvision's MobileNetV2 or an EfficientNet-Lite 0 to 2, as .pth, .pt or \
                 .safetensors"
                    .into(),
            ),
            Self::WeightNotFinite { .. } => Some(
                "the file is damaged, or the training that wrote it diverged: take another one"
                    .into(),
            ),
            Self::CorruptCache { path, .. } => Some(format!(
                "delete `{}`; the features are computed again",
                path.display()
            )),
            Self::CorruptCheckpoint { path, .. } => {
                Some(format!("delete `{}` and train again", path.display()))
            }
            Self::OtherCheckpoint { .. } => {
                Some("resume with the data and the options that the run was started with".into())
            }
            Self::ActivationsTooLarge { .. } => {
                Some("train fewer blocks, or everything, which keeps no activations".into())
            }
            Self::UnreadableImages { .. } => Some("replace or remove these files".into()),
            Self::Diverged { .. } => Some("try a smaller learning rate".into()),
            _ => None,
        }
    }
}

/// The first few names with the number of the others.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 3;
    if names.is_empty() {
        return "none".into();
    }
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    match names.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{} and {more} more", shown.join(", ")),
        _ => shown.join(", "),
    }
}

/// The first few failures with the number of the others.
fn list_failures(failures: &[(PathBuf, Error)]) -> String {
    const SHOWN: usize = 10;
    let shown = failures.iter().take(SHOWN);
    let mut text: Vec<String> = shown
        .map(|(path, error)| format!("`{}` ({})", path.display(), innermost(error)))
        .collect();
    if failures.len() > SHOWN {
        text.push(format!("and {} more", failures.len() - SHOWN));
    }
    text.join(", ")
}

/// The last cause, which says what is wrong in the fewest words.
fn innermost(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
