//! Predict the class of a photograph with ONNX Runtime.
//!
//! ```no_run
//! use pet_predict::{ImagePredictor, Options, Runtime, SearchPaths};
//!
//! # fn main() -> Result<(), pet_predict::Error> {
//! let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
//! let predictor = ImagePredictor::load(&runtime, "results", &Options::default())?;
//! # let photograph = Vec::new();
//! let prediction = predictor.predict(&photograph)?;
//! println!("{} ({:.1} %)", prediction.predicted_class(), 100.0 * prediction.confidence());
//! # Ok(())
//! # }
//! ```
//!
//! | type | duty |
//! |---|---|
//! | [`Runtime`] | the ONNX Runtime library, found and loaded once per process |
//! | [`Model`] | a model file that was checked: its bytes and its metadata |
//! | [`Session`] | runs a model on one thread; a worker thread owns one |
//! | [`ImagePredictor`] | a pool of sessions, used from any number of threads |
//! | [`Explainer`] | shows which places of a photograph speak for a class |
//!
//! A model says itself how it wants to be used: which classes it tells apart and how photographs
//! become its input. What does not fit together is refused when it is loaded, never guessed.

mod contract;
mod error;
mod explain;
mod library;
mod model;
mod options;
mod pool;
mod prediction;
mod predictor;
mod runtime;
mod session;

pub use error::Error;
pub use explain::{ClassActivationMap, Explainer, Explanation};
pub use library::SearchPaths;
pub use model::Model;
pub use options::Options;
pub use pet_image::Limits;
pub use pet_model::ModelMetadata;
pub use prediction::{Prediction, Ranked, Timing};
pub use predictor::ImagePredictor;
pub use runtime::Runtime;
pub use session::Session;
