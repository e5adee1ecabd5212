//! Encoding.

use image::codecs::{
    bmp::BmpEncoder, gif::GifEncoder, jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder,
};
use image::error::{ImageError, ImageFormatHint, UnsupportedError, UnsupportedErrorKind};
use image::{ExtendedColorType, GrayImage, ImageEncoder as _, RgbImage};

use crate::limits::check_pixels;
use crate::{Error, Format};

/// Visually lossless, for files that are viewed and processed further; colour has full resolution.
const JPEG_QUALITY: u8 = 95;

/// From 1 (best palette) to 30 (fastest); as fast as browsers' canvas encoders.
const GIF_SPEED: i32 = 10;

/// Encodes a colour image.
///
/// PNG, BMP and WebP are lossless. JPEG has quality 95. GIF is lossless up to 256 colours, else
/// quantized to 256.
///
/// # Errors
/// [`Error::NoPixels`] for an empty image; [`Error::Encode`] above the format's maximum size (65,535 pixels a side for
/// JPEG and GIF, 16,384 for WebP) and for a format that is not in [`Format::WRITTEN`].
pub fn encode_rgb(image: &RgbImage, format: Format) -> Result<Vec<u8>, Error> {
    encode(image.as_raw(), image.dimensions(), ExtendedColorType::Rgb8, format)
}

/// Encodes a grayscale image: with one channel in JPEG, PNG and BMP, as RGB in WebP, with a palette of
/// greys in GIF.
///
/// # Errors
/// As [`encode_rgb`].
pub fn encode_gray(image: &GrayImage, format: Format) -> Result<Vec<u8>, Error> {
    if matches!(format, Format::Gif | Format::WebP) {
        let levels: Vec<u8> = image.as_raw().iter().flat_map(|&level| [level; 3]).collect();
        return encode(&levels, image.dimensions(), ExtendedColorType::Rgb8, format);
    }
    encode(image.as_raw(), image.dimensions(), ExtendedColorType::L8, format)
}

fn encode(
    levels: &[u8],
    (width, height): (u32, u32),
    color: ExtendedColorType,
    format: Format,
) -> Result<Vec<u8>, Error> {
    check_pixels(width, height)?;
    let mut bytes = Vec::new();
    let mut target = &mut bytes;
    let result = match format {
        Format::Jpeg => JpegEncoder::new_with_quality(target, JPEG_QUALITY)
            .write_image(levels, width, height, color),
        Format::Png => PngEncoder::new(target).write_image(levels, width, height, color),
        Format::Gif => {
            GifEncoder::new_with_speed(target, GIF_SPEED).encode(levels, width, height, color)
        }
        Format::WebP => WebPEncoder::new_lossless(target).write_image(levels, width, height, color),
        Format::Bmp => BmpEncoder::new(&mut target).write_image(levels, width, height, color),
        Format::Tiff => Err(ImageError::Unsupported(UnsupportedError::from_format_and_kind(
            ImageFormatHint::Exact(format.into()),
            UnsupportedErrorKind::GenericFeature("writing".to_owned()),
        ))),
    };
    match result {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::Encode { format, width, height, source: error.into() }),
    }
}
