#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! - [`Preprocess`], with [`Resize`], [`Layout`] and [`Region`]: from a file to a tensor.
//! - [`decode()`] with [`Limits`] and [`cost()`]: from a file to pixels; [`cancel_unless`] stops it early.
//! - [`resize()`], [`shrink`], [`crop()`], [`grayscale()`], [`contrast_stretch`], [`Statistics`]: operations
//!   on pixels.
//! - [`encode_rgb`] and [`encode_gray`]: from pixels to a file of a [`Format`].
//! - [`Augment`] and [`Change`]: random changes for training, between decoding and normalizing.

mod augment;
mod cancel;
mod crop;
mod crop_box;
mod decode;
mod encode;
mod error;
mod format;
mod levels;
mod limits;
mod preprocess;
mod resize;
mod tensor;

pub use augment::{Augment, Change, Erased, Warp};
pub use cancel::cancel_unless;
pub use crop::crop;
pub use crop_box::CropBox;
pub use decode::{Decoded, cost, decode};
pub use encode::{encode_gray, encode_rgb};
pub use error::Error;
pub use format::Format;
pub use image::{GrayImage, RgbImage};
pub use levels::{Statistics, contrast_stretch, grayscale};
pub use limits::{Cost, Limits, MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE};
pub use preprocess::{Layout, Preprocess, Region, Resize};
pub use resize::{Filter, resize, shrink};
