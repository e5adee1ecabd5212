//! The life of a model as a library: training runs that are tracked and resumed, sweeps, evaluation.
//!
//! ```
//! use mlflow_client::Client;
//! use pet_pipeline::{RunPlan, TrackedRun};
//!
//! let folder = tempfile::tempdir()?;
//! let client = Client::local(folder.path())?;
//! let plan = RunPlan::new("OxfordPetExperiment", "first try").param("batch_size", 32);
//! let mut run = TrackedRun::start(&client, &plan)?;
//! run.log_artifact("notes.txt", b"nothing trained yet")?;
//! run.finish()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`TrackedRun`] is told of every epoch as it ends (it is a [`pet_train::Observer`]); a run that is dropped without
//! an end is marked `FAILED`. With a [spool](RunPlan::spool), a server that disappears during training costs nothing
//! but the time until that is noticed: what it missed is kept on disk and sent later.

mod error;
pub mod evaluate;
mod observer;
mod provenance;
mod settings;
pub mod sweep;
mod tracking;
mod train;

pub use error::Error;
pub use observer::{RunObserver, Warning};
pub use provenance::{Commit, Provenance};
pub use settings::{DataSource, TrainSettings};
pub use tracking::{RunPlan, TrackedRun, TrainedModel, TrainingData};
pub use train::{
    Context, Experiment, FailedRun, FinishedRun, InterruptedRun, RunOutcome, RunRequest,
};
