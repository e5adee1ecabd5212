//! The networks: each a list of layers, and what computes features from it.
//!
//! Another backbone of inverted residual blocks is one more file beside `mobilenet_v2.rs` and a line in
//! [`architectures`].

mod backbone;
mod description;
mod efficientnet_lite;
mod folding;
mod mobilenet_v2;

use std::sync::LazyLock;

pub use backbone::Backbone;
pub use description::{Architecture, Block, Convolution, FEATURES, Layer};
pub use folding::{Folded, fold};
pub(crate) use folding::{add_shifts, factors, scale_rows};

static ARCHITECTURES: LazyLock<[Architecture; 4]> = LazyLock::new(|| {
    [
        mobilenet_v2::architecture(),
        efficientnet_lite::lite0(),
        efficientnet_lite::lite1(),
        efficientnet_lite::lite2(),
    ]
});

/// All networks, the one that is trained by default first.
pub fn architectures() -> &'static [Architecture] {
    &*ARCHITECTURES
}

impl Architecture {
    /// The one that is trained by default: MobileNetV2.
    pub fn standard() -> &'static Self {
        &ARCHITECTURES[0]
    }

    /// The one of this [`name`](Self::name).
    pub fn named(name: &str) -> Option<&'static Self> {
        architectures().iter().find(|network| network.name == name)
    }

    /// The one that most of these tensors belong to, by names and shapes.
    pub(crate) fn closest<'a>(tensors: impl Fn(&str) -> Option<&'a [usize]>) -> &'static Self {
        let fitting = |network: &Self| {
            let fits = |(name, shape): &(String, Vec<usize>)| tensors(name) == Some(shape);
            network.tensors().filter(fits).count()
        };
        // The last of equals would be taken, so look from the end.
        let candidates = architectures().iter().rev();
        candidates
            .max_by_key(|network| fitting(network))
            .unwrap_or_else(|| Self::standard())
    }
}
