//! Why a command failed.

use std::path::PathBuf;

use crate::hint;

/// Any failure of a subcommand, with what a person can do about it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[cfg(feature = "training")]
    #[error(transparent)]
    Data(#[from] pet_data::Error),
    #[error(transparent)]
    Image(#[from] pet_image::Error),
    #[error(transparent)]
    Model(#[from] pet_model::Error),
    #[cfg(feature = "training")]
    #[error(transparent)]
    Train(#[from] pet_train::Error),
    #[cfg(feature = "training")]
    #[error(transparent)]
    Sweep(#[from] pet_pipeline::sweep::Error),
    #[cfg(feature = "training")]
    #[error("`--trials` chooses some points of the space, but the method `grid` tries them all")]
    GridTrials,
    #[cfg(feature = "training")]
    #[error(
        "`--train-size` goes with `--fine-tune all` only: what is frozen sees each photograph once, as it is served"
    )]
    TrainSize,
    #[cfg(feature = "training")]
    #[error(transparent)]
    Track(#[from] pet_pipeline::Error),
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
    Setup(#[from] crate::setup::Error),
    #[error("the file holds {got} bytes, at most {expected} are read")]
    FileTooLarge { expected: u64, got: u64 },
    #[error("cannot use `{}`", path.display())]
    File { path: PathBuf, source: Box<Failure> },
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    #[error("cannot write to the standard output")]
    Output(#[source] std::io::Error),
    #[cfg(feature = "training")]
    #[error("cannot listen for Ctrl-C")]
    Signal(#[source] ctrlc::Error),
    #[error("{failed} of {all} images could not be used")]
    SomeImages { failed: usize, all: usize },
    #[error("the service is not ready: `{url}`")]
    NotReady {
        url: String,
        source: Box<ureq::Error>,
    },
    #[error("there are no images in `{}`", folder.display())]
    NoImages { folder: PathBuf },
    #[cfg(feature = "training")]
    #[error("no backbone weights at `{}`", path.display())]
    NoBackbone { path: PathBuf },
    #[cfg(feature = "training")]
    #[error("data set `{dataset}` has no {split} images")]
    EmptySplit {
        dataset: String,
        split: &'static str,
    },
    #[cfg(feature = "training")]
    #[error("the model knows {model} classes and the data set has {dataset}: {difference}")]
    OtherClasses {
        model: usize,
        dataset: usize,
        difference: String,
    },
    #[cfg(feature = "training")]
    #[error("{found} runs have ids that begin with `{id}`")]
    SeveralRuns { id: String, found: usize },
    #[cfg(feature = "training")]
    #[error("{failed} of {all} runs could not be sent")]
    Unsent { failed: usize, all: usize },
    #[cfg(feature = "training")]
    #[error("interrupted: {done} of {all} runs finished")]
    Interrupted {
        done: usize,
        all: usize,
        /// The run that can be resumed.
        run: Option<String>,
    },
    #[cfg(feature = "training")]
    #[error("there is no interrupted run `{run}` in the cache")]
    NothingToResume { run: String },
}

impl Failure {
    /// What a person can do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            #[cfg(feature = "training")]
            Self::Data(error) => error.hint(),
            Self::Image(error) => error.hint(),
            Self::Model(error) => hint::of(error).or_else(|| error.hint()),
            #[cfg(feature = "training")]
            Self::Train(error) => error.hint(),
            #[cfg(feature = "training")]
            Self::Sweep(error) => error.hint(),
            #[cfg(feature = "training")]
            Self::GridTrials => Some("add `--method random`, or leave `--trials` out".into()),
            #[cfg(feature = "training")]
            Self::TrainSize => Some("add `--fine-tune all`, or leave `--train-size` out".into()),
            #[cfg(feature = "training")]
            Self::Track(error) => error.hint(),
            #[cfg(feature = "training")]
            Self::Tracking(error) => error.hint(),
            #[cfg(feature = "training")]
            Self::Export(error) => hint::of(error).or_else(|| error.hint()),
            Self::Predict(error) => hint::of(error).or_else(|| error.hint()),
            Self::Serve(error) => hint::of(error).or_else(|| error.hint()),
            #[cfg(feature = "training")]
            Self::Setup(error) => error.hint(),
            Self::File { source, .. } => source.hint(),
            #[cfg(feature = "training")]
            Self::NoBackbone { .. } => {
                Some("run `pet-cli setup`, or name a file with `--backbone`".into())
            }
            #[cfg(feature = "training")]
            Self::EmptySplit {
                split: "validation",
                ..
            } => Some("add images to each class, or raise `--validation-fraction`".into()),
            #[cfg(feature = "training")]
            Self::OtherClasses { .. } => {
                Some("name the data set it was trained on with `--dataset`".into())
            }
            #[cfg(feature = "training")]
            Self::Interrupted { run, .. } => Some(run.as_ref().map_or_else(
                || "what was logged is kept; computed features are cached".into(),
                |run| format!("`pet-cli train --resume {run}` continues where it stopped"),
            )),
            _ => None,
        }
    }

    /// Whether the reader of the output has simply gone, as `head` does.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }
}
