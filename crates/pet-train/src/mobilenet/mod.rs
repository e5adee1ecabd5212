//! MobileNetV2: its layers, and the network that computes features.

mod architecture;
mod backbone;
mod folding;

pub use architecture::{Block, Convolution, EPSILON, FEATURES, Layer, blocks};
pub use backbone::Backbone;
pub use folding::{Folded, fold};
