//! How a photograph becomes the network's square input.

use clap::ValueEnum;
use pet_image::{Preprocess, Resize};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Recipe {
    /// Stretched to 224×224 pixels
    Stretch,
    /// Shorter side to 256 pixels, then the middle 224×224
    CenterCrop,
}

impl Recipe {
    pub(crate) fn preprocess(self) -> Preprocess {
        let stretched = Preprocess::imagenet();
        match self {
            Self::Stretch => stretched,
            Self::CenterCrop => {
                let resize = Resize::CenterCrop {
                    resize: 256,
                    size: 224,
                };
                Preprocess {
                    resize,
                    ..stretched
                }
            }
        }
    }
}

/// The recipe in a few words.
pub(crate) fn name(preprocess: &Preprocess) -> String {
    match preprocess.resize {
        Resize::Stretch { size } => format!("stretch {size}"),
        Resize::CenterCrop { resize, size } => format!("resize {resize}, center crop {size}"),
    }
}
