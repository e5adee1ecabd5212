//! What a run is asked for, what it runs in, and what becomes of it.

use std::path::{Path, PathBuf};

use mlflow_client::spool::{Spool, Spooled};
use mlflow_client::{Config, TrackingUri};
use pet_image::Limits;
use pet_predict::SearchPaths;
use pet_train::{Configuration, Interrupt};
use serde::Serialize;

use crate::observer::{RunObserver, Warning};
use crate::provenance::Provenance;

/// What training runs in: where it is recorded, what it keeps on disk, and who watches it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The tracking store.
    pub tracking: Config,
    /// Folder of computed features, checkpoints, and of what could not be sent to the store.
    pub cache: PathBuf,
    /// The largest images that are read.
    pub limits: Limits,
    /// What is recorded about the calling program.
    pub provenance: Provenance,
    /// Set to stop early.
    pub interrupt: Interrupt,
    /// Where ONNX Runtime is, which runs the teachers, if there are any.
    pub libraries: SearchPaths,
    /// Is told how far everything is.
    pub observer: &'a dyn RunObserver,
}

impl<'a> Context<'a> {
    /// Records runs in this store and keeps files in this cache.
    pub fn new(
        tracking: impl Into<Config>,
        cache: impl Into<PathBuf>,
        observer: &'a dyn RunObserver,
    ) -> Self {
        Self {
            tracking: tracking.into(),
            cache: cache.into(),
            limits: Limits::default(),
            provenance: Provenance::default(),
            interrupt: Interrupt::default(),
            libraries: SearchPaths::default(),
            observer,
        }
    }

    /// Keeps everything in one folder: runs and models in `mlflow.db`, the rest in `cache`.
    pub fn in_folder(folder: &Path, observer: &'a dyn RunObserver) -> Self {
        let store = TrackingUri::in_folder(folder);
        Self::new(store, folder.join("cache"), observer)
    }

    /// Where runs are kept that could not be sent.
    pub fn spool(cache: &Path) -> Spool {
        Spool::new(cache.join("spool"))
    }

    pub(crate) fn note_unsent(&self, run: &str, spooled: Option<&Spooled>) {
        if let Some(spooled) = spooled {
            self.observer.warning(&Warning::Unsent { run, spooled });
        }
    }
}

/// One run of an experiment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunRequest {
    /// The run's name; an empty one stands for the network with its hyper-parameters.
    pub name: String,
    /// Its hyper-parameters. How much is trained and the seed are the experiment's.
    pub configuration: Configuration,
    /// Labels besides those that every run has.
    pub tags: Vec<(String, String)>,
    /// A run to continue, instead of making one.
    pub run_id: Option<String>,
    /// Only a model that is better is registered; see [`FinishedRun::score`].
    pub better_than: Option<(f64, f64)>,
    /// Whether the run can be resumed when it is interrupted.
    pub resumable: bool,
}

impl RunRequest {
    /// A new run that is named by its network and hyper-parameters and whose model is registered.
    pub fn new(configuration: Configuration) -> Self {
        Self {
            name: String::new(),
            configuration,
            tags: Vec::new(),
            run_id: None,
            better_than: None,
            resumable: true,
        }
    }
}

/// A run that finished.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FinishedRun {
    /// Its name.
    pub name: String,
    /// None while the tracking store cannot be reached.
    pub run_id: Option<String>,
    /// None while the tracking store cannot be reached, and for a model that was not to be registered.
    pub version: Option<u32>,
    /// The run whose recipe was trained once more on all images, and whose validation figures follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refit_of: Option<String>,
    /// Share of validation images classified correctly with the weights that were kept, 0 to 1.
    pub val_acc: f64,
    /// Of that accuracy, for a cross-validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Mean cross-entropy on the validation images with the weights that were kept, in nats.
    pub val_loss: f64,
    /// The epoch whose weights were kept, from 0.
    pub best_epoch: usize,
    /// How long it took.
    pub seconds: f64,
    /// How much of it went into waiting for the tracking store, and into making the model's files for it.
    pub tracking_seconds: f64,
}

impl FinishedRun {
    /// Validation accuracy, then the loss below zero: the larger, the better.
    pub fn score(&self) -> (f64, f64) {
        (self.val_acc, -self.val_loss)
    }
}

/// A run whose training diverged.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FailedRun {
    /// Its name.
    pub name: String,
    /// None while the tracking store cannot be reached.
    pub run_id: Option<String>,
    /// What went wrong.
    pub error: String,
}

/// What became of a run, as `status` says in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "UPPERCASE")]
pub enum RunOutcome {
    /// It finished.
    Finished(FinishedRun),
    /// Its training diverged, which says nothing about other hyper-parameters.
    Failed(FailedRun),
}

impl RunOutcome {
    /// The run, if it finished.
    pub fn finished(&self) -> Option<&FinishedRun> {
        match self {
            Self::Finished(run) => Some(run),
            Self::Failed(_) => None,
        }
    }
}
