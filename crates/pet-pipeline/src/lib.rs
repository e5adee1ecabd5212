//! The life cycle of an image classifier: data set checks, tracked and resumable training runs, sweeps, evaluation and
//! promotion.
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
//! | type or module | purpose |
//! |---|---|
//! | [`setup`] | downloads of ONNX Runtime and pretrained weights |
//! | [`TrainSettings`], [`DataSource`] | data, recipe and hyper-parameters of a training |
//! | [`Context`], [`Provenance`] | tracking store, cache, and where a run comes from |
//! | [`Experiment`], [`RunRequest`] | prepared images and weights, and training runs on them |
//! | [`CrossValidation`] | k-fold cross-validation: an accuracy with its standard error |
//! | [`test_learning_rates`] | a learning rate range test |
//! | [`Refit`] | a finished run whose recipe is trained again on all images |
//! | [`InterruptedRun`] | finds a run to resume |
//! | [`sweep`] | hyper-parameter search |
//! | [`check`] | data set checks |
//! | [`mod@evaluate`] | evaluation of an exported model |
//! | [`TrainedData`], [`TrainingRecord`] | the data set of a trained model, split as in its training |
//! | [`promote`] | comparison of a challenger with the champion |
//! | [`TrackedRun`], [`RunPlan`] | an MLflow run, from its start to the registered version |
//! | [`RunObserver`] | progress and warnings |
//!
//! This crate never prints, exits or reads the environment. A run whose process dies can be resumed from its checkpoint
//! and ends with the same weights; a run that is dropped without being ended is marked `FAILED`; what cannot be sent to
//! a tracking server is kept on disk and sent later. The example `train_folder` also exports and evaluates its model.

pub mod check;
mod data_source;
mod error;
pub mod evaluate;
mod observer;
pub mod promote;
mod provenance;
mod settings;
pub mod setup;
mod split;
pub mod sweep;
mod tracking;
mod train;
mod trained_data;
mod trained_on;

pub use data_source::DataSource;
pub use error::Error;
pub use observer::{RunObserver, Warning};
pub use provenance::{Commit, Provenance};
pub use settings::{Refit, TrainSettings};
pub use split::{Grouping, SplitOptions, SplitParams};
pub use tracking::{RunPlan, TrackedRun, TrainedModel, TrainingData};
pub use train::{
    Context, CrossValidation, Experiment, FailedRun, FinishedRun, InterruptedRun, RunOutcome,
    RunRequest, test_learning_rates,
};
pub use trained_data::{TrainedData, TrainingRecord};
pub use trained_on::trained_on;
