//! Training: an [`Experiment`] prepares images and trains tracked runs on them.

mod artifacts;
mod checkpoint;
mod experiment;
mod folds;
mod images;
mod inputs;
mod learning_rate;
mod params;
mod prepared;
mod recorder;
mod refit;
mod request;
mod teachers;

pub use checkpoint::InterruptedRun;
pub use experiment::Experiment;
pub use folds::CrossValidation;
pub use learning_rate::test_learning_rates;
pub use refit::Refit;
pub use request::{Context, FailedRun, FinishedRun, RunOutcome, RunRequest};
