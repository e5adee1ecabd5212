//! Network architectures as lists of layers.
//!
//! To add a backbone of inverted residual blocks, add a file like `mobilenet_v2.rs` and a line to [`architectures`].

mod efficientnet_lite;
mod layers;
mod mobilenet_v2;

use std::sync::LazyLock;

pub use layers::{Architecture, Block, Convolution, FEATURES, Layer};

static ARCHITECTURES: LazyLock<[Architecture; 4]> = LazyLock::new(|| {
    [
        mobilenet_v2::architecture(),
        efficientnet_lite::lite0(),
        efficientnet_lite::lite1(),
        efficientnet_lite::lite2(),
    ]
});

/// All networks, the default first.
pub fn architectures() -> &'static [Architecture] {
    &*ARCHITECTURES
}

impl Architecture {
    /// The default: MobileNetV2.
    pub fn standard() -> &'static Self {
        &ARCHITECTURES[0]
    }

    /// Finds the network with this [`name`](Self::name).
    pub fn named(name: &str) -> Option<&'static Self> {
        architectures().iter().find(|network| network.name == name)
    }

    /// The network with the most of these tensors, by names and shapes.
    pub(crate) fn closest<'a>(tensors: impl Fn(&str) -> Option<&'a [usize]>) -> &'static Self {
        let matches = |network: &Self| {
            let is_present = |(name, shape): &(String, Vec<usize>)| tensors(name) == Some(shape);
            network.tensors().filter(is_present).count()
        };
        // `max_by_key` returns the last of equals; the first is wanted.
        let candidates = architectures().iter().rev();
        candidates.max_by_key(|network| matches(network)).unwrap_or_else(|| Self::standard())
    }
}
