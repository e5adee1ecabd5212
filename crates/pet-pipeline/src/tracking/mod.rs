//! One training run as one MLflow run and one registered model version.

pub(crate) mod model;
mod monitor;
mod note;
mod plan;
mod run;
mod system;
mod trained_on;

pub use model::TrainedModel;
pub use plan::{RunPlan, TrainingData};
pub use run::TrackedRun;
pub(crate) use run::{BEST_EPOCH, TRAIN_LOSS};
pub use trained_on::trained_on;
pub(crate) use trained_on::{
    ADDED_DIGEST, ADDED_IMAGES, DATASET, DATASET_DIGEST, GROUP_DUPLICATES, SPLIT, TRAIN_IMAGES,
    VAL_IMAGES, split_in_words,
};
