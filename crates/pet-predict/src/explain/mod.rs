//! Explanations: which regions of the photograph support a class.

mod explainer;
mod features;
mod graph;
mod map;

pub use explainer::{Explainer, Explanation};
pub use features::FeatureExtractor;
pub use map::ClassActivationMap;
