//! A training run as an MLflow run and a registered model version.

mod dataset;
pub(crate) mod model;
mod monitor;
mod note;
mod plan;
mod run;
mod system;

pub use dataset::trained_on;
pub(crate) use dataset::{
    ADDED_DIGEST, ADDED_IMAGES, DATASET, DATASET_DIGEST, GROUP_DUPLICATES, SEED, SPLIT,
    TRAIN_IMAGES, VAL_IMAGES, VALIDATION_FRACTION, describe_folds, describe_split, describes_folds,
};
pub use model::TrainedModel;
pub use plan::{RunPlan, TrainingData};
pub use run::TrackedRun;
pub(crate) use run::{BEST_EPOCH, TRAIN_LOSS};
