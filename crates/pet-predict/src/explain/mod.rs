//! Why the model answers as it does: which places of the photograph speak for a class.

mod explainer;
mod graph;
mod map;

pub use explainer::{Explainer, Explanation};
pub use map::ClassActivationMap;
