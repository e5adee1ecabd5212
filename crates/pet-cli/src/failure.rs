use std::path::{Path, PathBuf};

use crate::hint;

/// Why a subcommand failed.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(not(feature = "training"), expect(dead_code, reason = "many are of training commands"))]
pub(crate) enum Failure {
    #[error(transparent)]
    Data(#[from] pet_data::Error),
    #[error(transparent)]
    Image(#[from] pet_image::Error),
    #[error(transparent)]
    Model(#[from] pet_model::Error),
    #[cfg(feature = "training")]
    #[error(transparent)]
    Pipeline(#[from] pet_pipeline::Error),
    #[error("`--trials` selects some of the combinations, but the method `grid` tries all of them")]
    GridTrials,
    #[error(
        "`{option}` has no effect without `--fine-tune all`: frozen layers see each image once, exactly as in serving"
    )]
    FrozenLayers { option: &'static str },
    #[error(
        "`{option}` has no effect with `--precision int8`, which quantizes the model in the results folder"
    )]
    NoVersion { option: &'static str },
    #[error("`--find-learning-rate` needs a single value for each option, got {got} combinations")]
    SeveralConfigurations { got: usize },
    #[error("no learning rate can be suggested: the loss diverged immediately")]
    NoLearningRate,
    #[cfg(feature = "training")]
    #[error(transparent)]
    Tracking(#[from] mlflow_client::Error),
    #[cfg(feature = "training")]
    #[error(transparent)]
    Export(#[from] pet_export::Error),
    #[error(transparent)]
    Predict(#[from] pet_predict::Error),
    #[error(transparent)]
    Serve(#[from] pet_api::Error),
    #[error(transparent)]
    Report(#[from] pet_report::Error),
    #[cfg(feature = "training")]
    #[error(transparent)]
    Setup(#[from] pet_pipeline::setup::Error),
    #[error("no model was found; searched in `{}`", searched.join("`, `"))]
    NoModel { searched: Vec<String> },
    #[error("file not found: `{}`", path.display())]
    FileNotFound { path: PathBuf },
    #[error("the extension of `{}` is not an image format that can be written", path.display())]
    UnknownExtension { path: PathBuf },
    #[error("the file has {got} bytes, more than the limit of {expected}")]
    FileTooLarge { expected: u64, got: u64 },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: Box<Failure> },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot write to standard output")]
    Output(#[source] std::io::Error),
    #[cfg(feature = "training")]
    #[error("cannot listen for Ctrl-C")]
    Signal(#[source] ctrlc::Error),
    #[error("{failed} of {all} images could not be used")]
    SomeImages { failed: usize, all: usize },
    #[error("the service is not ready: `{url}`")]
    NotReady { url: String, source: Box<ureq::Error> },
    #[error("`{url}` is not a valid collector address: expected {expected}")]
    Collector { url: String, expected: &'static str },
    #[error("there are no images in `{}`", folder.display())]
    NoImages { folder: PathBuf },
    #[error("no model is registered in this tracking store")]
    NoModels,
    #[error("{} models are registered: `{}`", models.len(), models.join("`, `"))]
    SeveralModels { models: Vec<String> },
    #[error("{failed} of {all} runs failed: the training diverged")]
    FailedRuns { failed: usize, all: usize },
    #[error("version {version} of `{model}` is not promoted: it does not meet the limits on {}", failed.join(", "))]
    NotPromoted { model: String, version: u32, failed: Vec<String> },
    #[error("`{dataset}` has problems: {}", kinds.join(", "))]
    DataProblems { dataset: String, kinds: Vec<String> },
    #[error("{failed} of {all} runs could not be sent")]
    Unsent { failed: usize, all: usize },
}

impl Failure {
    /// A suggested remedy, if there is one.
    pub(crate) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Data(error) => return hint::of(error).or_else(|| error.hint()),
            Self::Image(error) | Self::Predict(pet_predict::Error::Image(error)) => {
                return hint::of_image(error);
            }
            Self::Model(error) => return hint::of(error).or_else(|| error.hint()),
            #[cfg(feature = "training")]
            Self::Pipeline(error) => return hint::of(error).or_else(|| error.hint()),
            #[cfg(feature = "training")]
            Self::Tracking(error) => return hint::of_tracking(error),
            #[cfg(feature = "training")]
            Self::Export(error) => return hint::of(error).or_else(|| error.hint()),
            Self::Predict(error) => return hint::of(error).or_else(|| error.hint()),
            Self::Serve(error) => return hint::of(error).or_else(|| error.hint()),
            #[cfg(feature = "training")]
            Self::Setup(error) => return hint::setup(error),
            Self::Io(error) => return hint::of_io(error).map(str::to_owned),
            Self::File { source, .. } => return source.hint(),
            Self::UnknownExtension { .. } => return Some(hint::extensions()),
            Self::FrozenLayers { option } => {
                return Some(format!("add `--fine-tune all`, or omit `{option}`"));
            }
            Self::NoVersion { option } => {
                return Some(format!(
                    "add `--precision both` to export the version, or omit `{option}`"
                ));
            }
            Self::NotPromoted { model, version, .. } => {
                let model = hint::quoted(model);
                return Some(format!(
                    "`pet-cli models alias {model} champion {version}` makes it the champion anyway"
                ));
            }
            Self::NoModel { .. } => hint::MAKE_MODEL,
            Self::FileTooLarge { .. } => hint::MORE_BYTES,
            Self::GridTrials => "add `--method random`, or omit `--trials`",
            Self::SeveralConfigurations { .. } => "use a single value for each option",
            Self::NoLearningRate => "check that the backbone's weights are from a trained network",
            Self::NoModels => {
                "train one first (`pet-cli train --help`), or choose another store with `--tracking-uri`"
            }
            Self::SeveralModels { .. } => "choose one of them with `--model-name`",
            Self::DataProblems { .. } => {
                "fix them, or choose what makes the check fail with `--fail-on error|warning|never`"
            }
            Self::FailedRuns { .. } => "try a smaller learning rate",
            Self::NotReady { .. } => {
                "start it with `pet-cli serve`, or give its address with `--url`"
            }
            Self::Collector { .. } => {
                "set `--otlp-endpoint` or `OTEL_EXPORTER_OTLP_ENDPOINT`, or leave both unset"
            }
            _ => return None,
        };
        Some(hint.into())
    }

    /// Adds the path of the file that cannot be used.
    pub(crate) fn at(self, path: &Path) -> Self {
        Self::File { path: path.to_owned(), source: Box::new(self) }
    }

    /// Whether the reader of the output has exited, as `head` does.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
