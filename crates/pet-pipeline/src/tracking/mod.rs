//! One training run as one MLflow run and one registered model version.

pub(crate) mod model;
mod note;
mod plan;
mod run;

pub use model::TrainedModel;
pub use plan::{RunPlan, TrainingData};
pub use run::TrackedRun;
