#![doc = include_str!("../README.md")]

mod classes;
mod error;
mod files;
mod heat_map;
mod metadata;
mod precision;
mod prediction;
mod records;

pub use classes::{ClassDifference, class_difference, read_classes, write_classes};
pub use error::Error;
pub use files::{
    BuiltInFile, Results, Staged, read_json, stage_json, write_atomically, write_json,
};
pub use heat_map::HeatMap;
pub use metadata::ModelMetadata;
pub use pet_image::Preprocess;
pub use precision::Precision;
pub use prediction::{Moments, Observation, Reference, softmax};
pub use records::{
    Calibration, Candidate, ClassMetrics, Metrics, Quantization, Selection, SplitMetrics,
    TrainedOn, split_title,
};

/// The model, with its recipe and classes.
pub const MODEL_FILE: &str = "model.onnx";
/// The model quantized to 8 bits, if there is one.
pub const INT8_MODEL_FILE: &str = "model.int8.onnx";
/// The class names, a JSON array in index order.
pub const CLASSES_FILE: &str = "classes.json";
/// Which version was selected, by which rule, from which candidates.
pub const SELECTION_FILE: &str = "selection.json";
/// Accuracy and losses on every measured split.
pub const METRICS_FILE: &str = "metrics.json";
/// Loss and accuracy over the epochs.
pub const CURVES_FILE: &str = "training_curves.png";
/// The confusion matrix.
pub const CONFUSION_FILE: &str = "confusion_matrix.png";
/// The model card.
pub const CARD_FILE: &str = "MODEL_CARD.md";

/// Name of the model's only input, `[batch, 3, size, size]` of `f32`.
pub const INPUT_NAME: &str = "input";
/// Name of the model's output, `[batch, classes]` logits of `f32`.
pub const OUTPUT_NAME: &str = "output";
/// Name of the optional second output for detecting unknown images: `[batch, classes]` of `f32`, the cosine similarity of
/// the image's features and the mean features of each class, -1 to 1. It belongs to [`ModelMetadata::least_similarity`].
pub const SIMILARITY_NAME: &str = "similarity";
/// The ONNX operator set of the model.
pub const OPSET: i64 = 18;

/// Metric of every epoch: accuracy on the validation images, 0 to 1.
pub const VAL_ACC: &str = "val_acc";
/// Metric of every epoch: mean cross-entropy on the validation images, in nats.
pub const VAL_LOSS: &str = "val_loss";
/// Metric of a run: [`VAL_ACC`] of the epoch whose weights were kept.
pub const BEST_VAL_ACC: &str = "best_val_acc";
/// Metric of a run: [`VAL_LOSS`] of the epoch whose weights were kept.
pub const BEST_VAL_LOSS: &str = "best_val_loss";
/// Parameter of a run: multiplications, each with an addition, of its network for one image.
pub const MULTIPLY_ADDS: &str = "multiply_adds";
/// Parameter and tag of a run and its model: the run that was trained again with the same recipe on all images, and
/// whose validation metrics are reported.
pub const REFIT_OF: &str = "refit_of";
/// candle's weights in the folder of a registered model, from which the served model is exported.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
