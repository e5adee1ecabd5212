//! Errors.

use std::path::PathBuf;

use crate::sweep::space;

/// Why training, a sweep or an evaluation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tracking store failed.
    #[error("cannot {action}")]
    Tracking {
        /// The failed action.
        action: &'static str,
        /// The store's answer.
        source: mlflow_client::Error,
    },
    /// The tracking store cannot be opened or used.
    #[error(transparent)]
    Store(#[from] mlflow_client::Error),
    /// The data set cannot be used.
    #[error(transparent)]
    Data(#[from] pet_data::Error),
    /// Training failed, or its weights cannot be used.
    #[error(transparent)]
    Train(#[from] pet_train::Error),
    /// The search space or method is invalid.
    #[error(transparent)]
    Sweep(#[from] space::Error),
    /// Metrics or plots cannot be computed.
    #[error(transparent)]
    Report(#[from] pet_report::Error),
    /// A file of the model or of a checkpoint cannot be read or written.
    #[error(transparent)]
    File(#[from] pet_model::Error),
    /// A file or folder cannot be accessed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A value has no JSON form.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    /// An image cannot be evaluated.
    #[error("cannot use `{}`", path.display())]
    Image {
        /// The image.
        path: PathBuf,
        /// What is wrong with it.
        source: pet_predict::Error,
    },
    /// An image that was listed is no longer there.
    #[error("`{}` is gone: it existed when the folder was listed", path.display())]
    Gone {
        /// The image.
        path: PathBuf,
    },
    /// The model was exported without examples of its classes.
    #[error("model `{model}` cannot detect outliers: it was exported without a data set")]
    NoSimilarity {
        /// The model's name.
        model: String,
    },
    /// There is nothing to evaluate in a folder.
    #[error("there are no images in `{}`", folder.display())]
    NoPictures {
        /// The folder.
        folder: PathBuf,
    },
    /// A training size was given, but all layers before the classifier are frozen.
    #[error(
        "a training size of {size} pixels has no effect unless the whole network is trained: frozen layers see each image once, at the serving size"
    )]
    TrainSize {
        /// The given size.
        size: u32,
    },
    /// Teachers were given, but all layers before the classifier are frozen.
    #[error(
        "teachers have no effect unless the whole network is trained: frozen layers see each image once, but teachers predict every augmented view"
    )]
    FrozenStudent,
    /// A teacher cannot be used.
    #[error("cannot learn from `{}`", path.display())]
    Teacher {
        /// The teacher.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<pet_predict::Error>,
    },
    /// A teacher knows other classes than the data set has.
    #[error("cannot learn from `{}`, which has different classes: expected {expected}, got {got}", path.display())]
    TeacherClasses {
        /// The teacher.
        path: PathBuf,
        /// The first different class of the data set, or the number of classes.
        expected: String,
        /// The same of the teacher.
        got: String,
    },
    /// A run cannot be refitted.
    #[error("cannot refit run `{run_id}`: {reason}")]
    NoRefit {
        /// The run.
        run_id: String,
        /// Why it cannot.
        reason: String,
    },
    /// Images were added to a data set for cross-validation.
    #[error(
        "cannot cross-validate with added images: every image of the data set is used for validation, and added images may show the same"
    )]
    FoldsAdded,
    /// The images are not those that the run to refit or resume was trained on.
    #[error("cannot {action} run `{run_id}` with different {what}: expected {expected}, got {got}")]
    OtherDigest {
        /// `refit` or `resume`.
        action: &'static str,
        /// The run.
        run_id: String,
        /// Which of its images.
        what: &'static str,
        /// The digest of the run's images, or `none`.
        expected: String,
        /// The digest of the given images, or `none`.
        got: String,
    },
    /// The pretrained weights are missing.
    #[error("no backbone weights at `{}`", path.display())]
    NoBackbone {
        /// The expected file.
        path: PathBuf,
    },
    /// The recipe's normalization differs from that of the pretrained network.
    #[error(
        "{network} expects images with the mean {:?} and the standard deviation {:?}, the recipe has {:?} and {:?}",
        expected.0, expected.1, got.0, got.1
    )]
    Normalization {
        /// The network.
        network: &'static str,
        /// Mean and standard deviation of the pretrained network.
        expected: ([f32; 3], [f32; 3]),
        /// Those of the recipe.
        got: ([f32; 3], [f32; 3]),
    },
    /// A split has no images.
    #[error("data set `{dataset}` has no {split} images")]
    EmptySplit {
        /// The data set.
        dataset: String,
        /// `train`, `validation` or `test`.
        split: String,
    },
    /// The model does not know a class of the data set.
    #[error(
        "the model has no class `{class}`: it was trained on {model} classes, the data set has {dataset}"
    )]
    UnknownClass {
        /// The class.
        class: String,
        /// Number of the model's classes.
        model: usize,
        /// Number of the data set's classes.
        dataset: usize,
    },
    /// A file of limits for a promotion cannot be used.
    #[error("cannot use `{}` as promotion limits", path.display())]
    Gate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A limit of a gate is out of range.
    #[error("cannot require the `{field}` {got} of `{metric}`: expected {}", between(*least, *most))]
    Limit {
        /// The metric.
        metric: &'static str,
        /// The kind of limit.
        field: &'static str,
        /// The minimum value.
        least: f64,
        /// The maximum value.
        most: f64,
        /// The given value.
        got: f64,
    },
    /// Two versions were not measured on the same images.
    #[error("cannot compare predictions for {got} images with predictions for {expected}")]
    Unpaired {
        /// Number of the champion's images.
        expected: usize,
        /// Number of the challenger's images.
        got: usize,
    },
    /// The images are not those that a version was trained and validated on.
    #[error("the version was trained on different images: expected {expected}, got {got}")]
    OtherImages {
        /// Data set or split of the training.
        expected: String,
        /// The given data set or split.
        got: String,
    },
    /// The validation images are no measure of a refit.
    #[error("the model is a refit of run `{run_id}`: it was also trained on the validation images")]
    ValidationTrained {
        /// The run that it refits.
        run_id: String,
    },
    /// A run was interrupted. Its logged data is kept.
    #[error("interrupted: {finished} of {planned} runs finished")]
    Interrupted {
        /// Number of finished runs.
        finished: usize,
        /// Number of planned runs.
        planned: usize,
        /// The run to resume, if it has a checkpoint.
        run_id: Option<String>,
    },
    /// A run has no checkpoint.
    #[error("there is no interrupted run `{run_id}` to resume")]
    NothingToResume {
        /// The ID or its prefix.
        run_id: String,
    },
    /// A run cannot be resumed before it has ended.
    #[error("run `{run_id}` is still running in another process")]
    StillRunning {
        /// The run.
        run_id: String,
    },
    /// A run cannot be resumed with another setting.
    #[error("cannot resume run `{run_id}` with {got}: {reason}")]
    ResumeSetting {
        /// The run.
        run_id: String,
        /// The setting.
        got: String,
        /// Why it cannot be changed.
        reason: String,
    },
    /// Several checkpoints have IDs with the same beginning.
    #[error("`{run_id}` matches {found} interrupted runs")]
    AmbiguousRun {
        /// The prefix.
        run_id: String,
        /// Number of runs.
        found: usize,
    },
    /// A checkpoint was written by another version of this crate.
    #[error("cannot resume run `{run_id}`: `{}` was written by a different version", path.display())]
    OldCheckpoint {
        /// The run.
        run_id: String,
        /// The file.
        path: PathBuf,
        /// The parse error.
        source: serde_json::Error,
    },
    /// What the machine does cannot be measured.
    #[error("cannot read the system metrics")]
    SystemMetrics {
        /// The cause.
        source: std::io::Error,
    },
    /// The run has ended already.
    #[error("the run has already ended")]
    Ended,
}

impl Error {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Tracking { source, .. } | Self::Store(source) => source.hint(),
            Self::Data(error) => error.hint(),
            Self::Train(error) => error.hint(),
            Self::Sweep(error) => error.hint(),
            Self::Report(error) => error.hint(),
            Self::File(error) => error.hint(),
            Self::Image { source, .. } => source.hint(),
            Self::Gone { .. } => Some("run again when nothing is changing the folder".into()),
            Self::TrainSize { .. } => Some("fine-tune everything, or omit the size".into()),
            Self::FrozenStudent => Some("fine-tune everything, or omit the teachers".into()),
            Self::EmptySplit { .. } => {
                Some("add images to each class, or raise the validation fraction".into())
            }
            Self::UnknownClass { .. } => Some("evaluate on the data set it was trained on".into()),
            Self::OldCheckpoint { .. } => Some("train again".into()),
            Self::StillRunning { .. } => Some("wait until it ends, or stop it first".into()),
            Self::ResumeSetting { .. } => {
                Some("resume it with its own settings, or start a new run".into())
            }
            Self::FoldsAdded => {
                Some("cross-validate on the data set alone, or train on one split".into())
            }
            Self::OtherDigest { .. } => Some(
                "start a new run with the folders' current contents, or restore their previous contents".into(),
            ),
            Self::OtherImages { .. } => Some(
                "use the data set, the seed and the validation fraction of the training".into(),
            ),
            Self::ValidationTrained { .. } => {
                Some("use the test images, or evaluate the model of that run".into())
            }
            Self::SystemMetrics { .. } => {
                Some("disable the system metrics, which are only available on Linux".into())
            }
            _ => None,
        }
    }
}

/// Describes a range of numbers.
fn between(least: f64, most: f64) -> String {
    match (least.abs() < f64::MAX, most < f64::MAX) {
        (true, true) => format!("a number from {least} to {most}"),
        (true, false) => format!("a number of at least {least}"),
        _ => "a number".into(),
    }
}

/// Adds the failed action to an error of the tracking store.
pub(crate) fn tracking_error(action: &'static str) -> impl Fn(mlflow_client::Error) -> Error {
    move |source| Error::Tracking { action, source }
}
