#![doc = include_str!("../README.md")]
//!
//! For training, [`Augment`] makes random changes between decoding and normalizing.

mod augment;
mod contrast;
mod crop;
mod decode;
mod encode;
mod error;
mod format;
mod grayscale;
mod limits;
mod output;
mod preprocess;
mod resize;
mod shrink;
mod statistics;
mod wanted;

pub use augment::{Augment, Change, Erased, Warp};
pub use contrast::contrast_stretch;
pub use crop::{CropBox, center_crop, crop};
pub use decode::{Cost, Decoded, cost, decode};
pub use encode::{encode_gray, encode_rgb};
pub use error::Error;
pub use format::Format;
pub use grayscale::grayscale;
pub use image::{GrayImage, RgbImage};
pub use limits::Limits;
pub use output::{MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE};
pub use preprocess::{Layout, Preprocess, Region, Resize};
pub use resize::{Filter, resize};
pub use shrink::shrink;
pub use statistics::Statistics;
pub use wanted::while_wanted;
