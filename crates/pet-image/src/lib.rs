//! Photographs to tensors: decode with limits, resize, crop, grayscale, augment, normalize, encode.
//!
//! The one thing that training and serving must agree on is how bytes become numbers. That
//! agreement is a [`Preprocess`] recipe: both sides run the same code on it, and it is written
//! beside the model as JSON.
//!
//! ```
//! use pet_image::{Format, Limits, Preprocess, RgbImage, encode_rgb};
//!
//! // Any JPEG, PNG, GIF, WebP or BMP file; here a grey one made on the spot.
//! let bytes = encode_rgb(&RgbImage::from_pixel(64, 48, [128; 3].into()), Format::Png)?;
//!
//! let recipe = Preprocess::imagenet();
//! let mut tensor = vec![0.0; recipe.tensor_len()];
//! recipe.run(&bytes, &Limits::default(), &mut tensor)?;
//!
//! assert_eq!(tensor.len(), 3 * 224 * 224);
//! assert!((tensor[0] - (128.0 / 255.0 - 0.485) / 0.229).abs() < 1e-6);
//! # Ok::<(), pet_image::Error>(())
//! ```
//!
//! The format is told by content, never by name. What is decoded is the picture a person sees:
//! turned as its EXIF orientation says, transparent parts over white, the first frame of an
//! animation. [`Limits`] are checked against the header before the pixels are allocated, and a
//! file that breaks off is an error, not a half-grey picture.
//!
//! The arithmetic follows Pillow, which most published models were trained with: a bilinear
//! [`resize`] stays within one level of it (Lanczos: two), [`grayscale`] equals its mode `L`.
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

pub use augment::{Augment, Change};
pub use contrast::contrast_stretch;
pub use crop::{CropBox, center_crop, crop};
pub use decode::{Decoded, decode};
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
