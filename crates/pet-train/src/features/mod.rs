//! Features of the frozen backbone: computed once for each image, kept on disk.

mod cache;
mod extract;

pub use cache::FeatureCache;
pub use extract::{Extractor, Features};
