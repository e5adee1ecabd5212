#![doc = include_str!("../README.md")]

mod calibrate;
mod contract;
mod error;
mod explain;
mod library;
mod model;
mod options;
mod pool;
mod prediction;
mod predictor;
mod runner;
mod runtime;
mod session;

pub use calibrate::{Calibration, Calibrator};
pub use error::Error;
pub use explain::{ClassActivationMap, Explainer, Explanation, FeatureExtractor};
pub use library::SearchPaths;
pub use model::Model;
pub use options::Options;
pub use pet_image::{Limits, RgbImage};
pub use pet_model::{ModelMetadata, Observation, Precision, Results};
pub use prediction::{Prediction, Ranked, Timing};
pub use predictor::ImagePredictor;
pub use runtime::Runtime;
pub use session::Session;
