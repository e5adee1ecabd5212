//! Why a command failed.

use std::path::PathBuf;

/// Any failure of a subcommand, with what a person can do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Data(#[from] pet_data::Error),
    #[error(transparent)]
    Image(#[from] pet_image::Error),
    #[error(transparent)]
    Model(#[from] pet_model::Error),
    #[error(transparent)]
    Train(#[from] pet_train::Error),
    #[error(transparent)]
    Track(#[from] pet_track::Error),
    #[error(transparent)]
    Tracking(#[from] mlflow_client::Error),
    #[error(transparent)]
    Export(#[from] pet_export::Error),
    #[error(transparent)]
    Predict(#[from] pet_predict::Error),
    #[error(transparent)]
    Report(#[from] pet_report::Error),
    #[error(transparent)]
    Setup(#[from] crate::setup::Error),
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: Box<Failure> },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot write to the standard output")]
    Output(#[source] std::io::Error),
    #[error("cannot listen for Ctrl-C")]
    Signal(#[source] ctrlc::Error),
    #[error("{failed} of {all} images could not be used")]
    SomeImages { failed: usize, all: usize },
    #[error("there are no images in `{}`", folder.display())]
    NoImages { folder: PathBuf },
    #[error("no backbone weights at `{}`", path.display())]
    NoBackbone { path: PathBuf },
    #[error("data set `{dataset}` has no {split} images")]
    EmptySplit {
        dataset: String,
        split: &'static str,
    },
    #[error("the model knows {model} classes and the data set has {dataset}: {difference}")]
    OtherClasses {
        model: usize,
        dataset: usize,
        difference: String,
    },
    #[error("{done} of {all} runs were made before the interruption")]
    Interrupted { done: usize, all: usize },
}

impl Failure {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Data(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Model(error) => error.hint(),
            Self::Train(error) => error.hint(),
            Self::Track(error) => error.hint(),
            Self::Tracking(error) => error.hint(),
            Self::Export(error) => error.hint(),
            Self::Predict(error) => error.hint(),
            Self::Setup(error) => error.hint(),
            Self::File { source, .. } => source.hint(),
            Self::NoBackbone { .. } => {
                Some("run `pet-cli setup`, or name a file with `--backbone`".into())
            }
            Self::EmptySplit {
                split: "validation",
                ..
            } => Some("add images to each class, or raise `--validation-fraction`".into()),
            Self::OtherClasses { .. } => {
                Some("name the data set it was trained on with `--dataset`".into())
            }
            Self::Interrupted { .. } => {
                Some("what was logged is kept; computed features are cached".into())
            }
            _ => None,
        }
    }

    /// Whether the reader of the output has simply gone, as `head` does.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
