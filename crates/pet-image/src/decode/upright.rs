//! Turning pictures as their EXIF orientation says.

use image::{DynamicImage, RgbImage, metadata::Orientation};

/// Applies an orientation.
pub(super) fn upright(image: RgbImage, orientation: Orientation) -> RgbImage {
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}
