#![doc = include_str!("../README.md")]
//!
//! # Where things are
//!
//! - [`Preprocess`], with [`Resize`], [`Layout`] and [`Region`]: from a file to a tensor.
//! - [`decode()`] with [`Limits`] and [`cost()`]: from a file to pixels; [`cancel_unless`] stops it early.
//! - [`resize()`], [`shrink`], [`crop()`], [`center_crop`], [`grayscale()`], [`contrast_stretch`], [`Statistics`]: operations
//!   on pixels.
//! - [`encode_rgb`] and [`encode_gray`]: from pixels to a file of a [`Format`].
//! - [`Augment`] and [`Change`]: random changes for training, between decoding and normalizing.

mod augment;
mod cancel;
mod contrast;
mod crop;
mod decode;
mod encode;
mod error;
mod format;
mod grayscale;
mod limits;
mod preprocess;
mod resize;
mod statistics;

pub use augment::{Augment, Change, Erased, Warp};
pub use cancel::cancel_unless;
pub use contrast::contrast_stretch;
pub use crop::{CropBox, center_crop, crop};
pub use decode::{Cost, Decoded, cost, decode};
pub use encode::{encode_gray, encode_rgb};
pub use error::Error;
pub use format::Format;
pub use grayscale::grayscale;
pub use image::{GrayImage, RgbImage};
pub use limits::{Limits, MAX_OUTPUT_PIXELS, MAX_OUTPUT_SIDE};
pub use preprocess::{Layout, Preprocess, Region, Resize};
pub use resize::{Filter, resize, shrink};
pub use statistics::Statistics;
