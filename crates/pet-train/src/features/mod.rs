//! Features of the frozen backbone, computed once per image and cached on disk.

mod cache;
mod extract;

pub use cache::FeatureCache;
pub use extract::{Extractor, Features};
