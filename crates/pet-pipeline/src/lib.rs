//! The life of an image classifier as a library: training runs that are tracked and resumed, sweeps, evaluation.
//!
//! ```no_run
//! use pet_data::Silent;
//! use pet_pipeline::{Context, DataSource, Experiment, RunRequest, TrainSettings};
//!
//! let mut settings = TrainSettings::new(DataSource::Folder("photos".into()), "mobilenet_v2.pth");
//! settings.configuration.epochs = 10;
//! let context = Context::in_folder("work".as_ref(), &Silent);
//! let dataset = settings.load(&Silent)?;
//! let experiment = Experiment::prepare(&settings, dataset, &context)?;
//! let outcome = experiment.run(&RunRequest::new(settings.configuration.clone()))?;
//! if let Some(run) = outcome.finished() {
//!     println!("{:.4} as version {:?}", run.val_acc, run.version);
//! }
//! # Ok::<(), pet_pipeline::Error>(())
//! ```
//!
//! | type or module | duty |
//! |---|---|
//! | [`TrainSettings`], [`DataSource`] | what is trained, on what, and how: plain data |
//! | [`Context`], [`Provenance`] | where it is recorded, what is kept on disk, who runs it |
//! | [`Experiment`], [`RunRequest`] | images and weights that are ready; one run on them |
//! | [`CrossValidation`] | the same training once for each part of the images: a figure with its error |
//! | [`test_learning_rates`] | which learning rate a training should have, before it is run |
//! | [`Refit`] | a finished run whose recipe is trained once more, on all images |
//! | [`InterruptedRun`] | finds a run that can be resumed |
//! | [`sweep`] | tries combinations of hyper-parameters and ranks them |
//! | [`check`] | whether a data set can be trusted |
//! | [`mod@evaluate`] | what an exported model makes of images |
//! | [`promote`] | whether a challenger may take the champion's place |
//! | [`TrackedRun`], [`RunPlan`] | one MLflow run, from its start to the registered version |
//! | [`RunObserver`] | is told how far everything is |
//!
//! This crate never prints, exits or reads the environment. A run whose process dies can be resumed from its checkpoint
//! and ends with the same weights; a run that is dropped without an end is marked `FAILED`; what a tracking server
//! missed is kept on disk and sent later. The example `train_folder` also exports and evaluates what it has trained.

pub mod check;
mod error;
pub mod evaluate;
mod observer;
pub mod promote;
mod provenance;
mod settings;
pub mod sweep;
mod tracking;
mod train;

pub use error::Error;
pub use observer::{RunObserver, Warning};
pub use provenance::{Commit, Provenance};
pub use settings::{DataSource, TrainSettings};
pub use tracking::{RunPlan, TrackedRun, TrainedModel, TrainingData, trained_on};
pub use train::{
    Context, CrossValidation, Experiment, FailedRun, FinishedRun, InterruptedRun, Refit,
    RunOutcome, RunRequest, test_learning_rates,
};
