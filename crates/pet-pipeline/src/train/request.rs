//! The context, the request and the outcome of a run.

use std::path::{Path, PathBuf};
use std::time::Instant;

use mlflow_client::spool::{Spool, Spooled};
use mlflow_client::{Config, TrackingUri};
use pet_image::Limits;
use pet_predict::SearchPaths;
use pet_train::{Configuration, EpochMetrics, Interrupt};
use serde::Serialize;

use crate::error::Error;
use crate::observer::{RunObserver, Warning};
use crate::provenance::Provenance;
use crate::tracking::TrackedRun;

/// The environment of a training.
#[derive(Clone)]
#[non_exhaustive]
pub struct Context<'a> {
    /// The tracking store.
    pub tracking: Config,
    /// Folder of features, checkpoints, and data that could not be sent to the store.
    pub cache: PathBuf,
    /// Limits for reading images.
    pub limits: Limits,
    /// What is recorded about the calling program.
    pub provenance: Provenance,
    /// Set to stop early.
    pub interrupt: Interrupt,
    /// Where to find ONNX Runtime, which runs teachers.
    pub libraries: SearchPaths,
    /// Receives progress and warnings.
    pub observer: &'a dyn RunObserver,
}

impl<'a> Context<'a> {
    /// A context with this store and this cache.
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

    /// A context that keeps everything in one folder: runs and models in `mlflow.db`, the rest in `cache`.
    pub fn in_folder(folder: &Path, observer: &'a dyn RunObserver) -> Self {
        let store = TrackingUri::in_folder(folder);
        Self::new(store, folder.join("cache"), observer)
    }

    /// Where data that could not be sent is kept.
    pub fn spool(cache: &Path) -> Spool {
        Spool::new(cache.join("spool"))
    }

    /// Warns about data that could not be sent.
    pub(crate) fn warn_unsent(&self, run: &str, spooled: Option<&Spooled>) {
        if let Some(spooled) = spooled {
            self.observer.warning(&Warning::Unsent { run, spooled });
        }
    }

    /// Ends an interrupted run; returns the error to report. `run_id` is given if the run can be resumed.
    pub(super) fn kill(&self, run: TrackedRun, run_id: Option<String>) -> Result<Error, Error> {
        let name = run.name().to_owned();
        let spooled = run.kill()?;
        self.warn_unsent(&name, spooled.as_ref());
        Ok(Error::Interrupted { finished: 0, planned: 1, run_id })
    }

    /// Ends a finished run, and fills in its duration.
    pub(super) fn finish(
        &self,
        run: TrackedRun,
        mut finished: FinishedRun,
        start: Instant,
    ) -> Result<RunOutcome, Error> {
        let (tracked, ending) = (run.tracking_time(), Instant::now());
        let spooled = run.finish()?;
        self.warn_unsent(&finished.name, spooled.as_ref());
        finished.tracking_seconds = (tracked + ending.elapsed()).as_secs_f64();
        finished.seconds = start.elapsed().as_secs_f64();
        Ok(RunOutcome::Finished(finished))
    }
}

/// One run of an experiment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunRequest {
    /// The run's name; if empty, it is derived from the network and the hyper-parameters.
    pub name: String,
    /// Its hyper-parameters, except for `fine_tune` and `seed`, which are the experiment's.
    pub configuration: Configuration,
    /// Additional tags.
    pub tags: Vec<(String, String)>,
    /// A run to resume instead of creating one.
    pub run_id: Option<String>,
    /// Registers the model only if its [score](FinishedRun::score) is higher.
    pub better_than: Option<(f64, f64)>,
    /// Whether the run can be resumed after an interruption.
    pub resumable: bool,
}

impl RunRequest {
    /// A new, resumable run with a default name, whose model is registered.
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

/// A finished run.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FinishedRun {
    /// Its name.
    pub name: String,
    /// Its ID; `None` while the store is unreachable.
    pub run_id: Option<String>,
    /// The registered version; `None` while the store is unreachable, and if the model was not registered.
    pub version: Option<u32>,
    /// The refitted run, whose validation metrics follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refit_of: Option<String>,
    /// Validation accuracy of the best epoch, 0 to 1.
    pub val_acc: f64,
    /// Standard error of the accuracy in a cross-validation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_error: Option<f64>,
    /// Validation loss of the best epoch: the mean cross-entropy in nats.
    pub val_loss: f64,
    /// The best epoch, from 0, whose weights were kept.
    pub best_epoch: usize,
    /// Duration of the run.
    pub seconds: f64,
    /// Time spent on tracking, including writing the model.
    pub tracking_seconds: f64,
}

impl FinishedRun {
    /// A run whose best epoch is this one; it gets its duration when it ends.
    pub(super) fn of(run: &TrackedRun, best: &EpochMetrics) -> Self {
        Self {
            name: run.name().into(),
            run_id: run.id().map(Into::into),
            version: None,
            refit_of: None,
            val_acc: best.val_acc.unwrap_or_default(),
            standard_error: None,
            val_loss: best.val_loss.unwrap_or_default(),
            best_epoch: best.epoch,
            seconds: 0.0,
            tracking_seconds: 0.0,
        }
    }

    /// Validation accuracy, then negative loss; higher is better.
    pub fn score(&self) -> (f64, f64) {
        (self.val_acc, -self.val_loss)
    }
}

/// A run that diverged.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct FailedRun {
    /// Its name.
    pub name: String,
    /// Its ID; `None` while the store is unreachable.
    pub run_id: Option<String>,
    /// The error.
    pub error: String,
}

/// The outcome of a run.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "status", rename_all = "UPPERCASE")]
pub enum RunOutcome {
    /// It finished.
    Finished(FinishedRun),
    /// It diverged.
    Failed(FailedRun),
}

impl RunOutcome {
    /// Reports a run that diverged.
    pub(super) fn diverged(
        run: &TrackedRun,
        error: &pet_train::Error,
        observer: &dyn RunObserver,
    ) -> Self {
        observer.message(&format!("{}: {error}", run.name()));
        Self::Failed(FailedRun {
            name: run.name().into(),
            run_id: run.id().map(Into::into),
            error: error.to_string(),
        })
    }

    /// The run, if it finished.
    pub fn finished(&self) -> Option<&FinishedRun> {
        match self {
            Self::Finished(run) => Some(run),
            Self::Failed(_) => None,
        }
    }
}
