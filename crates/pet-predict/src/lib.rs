#![doc = include_str!("../README.md")]

mod calibrate;
mod contract;
mod error;
mod explain;
mod features;
mod model;
mod prediction;
mod predictor;
mod runtime;
mod session;

pub use calibrate::{Calibration, Calibrator};
pub use error::Error;
pub use explain::{ClassActivationMap, Explainer, Explanation};
pub use features::FeatureExtractor;
pub use model::{Model, Options};
pub use pet_image::{Limits, RgbImage};
pub use pet_model::{ModelMetadata, Observation, Precision, Results};
pub use prediction::{Prediction, Ranked, Timing};
pub use predictor::ImagePredictor;
pub use runtime::{Runtime, SearchPaths};
pub use session::Session;
