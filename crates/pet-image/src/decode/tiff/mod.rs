//! TIFF: the first image of a file, in strips or tiles.
//!
//! Why not a library: of 67 valid files (`tests/golden/make_tiff.py`), `image` 0.25.10 with `tiff` 0.11.3 decoded 3
//! wrongly without an error (four samples with differences, reversed bits, premultiplied transparency), panicked on one and
//! rejected 11 (palettes, 2- and 4-bit grey, grey with transparency). It also reads beyond the end of compressed data, so
//! that a small file can take minutes, and decodes JPEG with `zune-jpeg`. With `flate2`, `weezl` and [`super::jpeg`] for
//! decompression, little is left to do here.
//!
//! Data flows from `directory` (tags) through `header` (their meaning) and `rows` (8-bit samples) to pixels. Besides the image only a row is held in memory, or a chunk for JPEG.

mod directory;
mod header;
mod rows;

use image::{DynamicImage, GrayAlphaImage, GrayImage, RgbImage, RgbaImage};

use self::directory::{Directory, Fault};
use self::header::{Alpha, Colors, Compression, Header};
use super::finish::{opaque, under_black, upright};
use crate::cancel::is_cancelled;
use crate::{Cost, Error, Format, Limits};

/// Memory for a row and tables.
const OVERHEAD: u64 = 1 << 20;

/// Memory for each pixel of a chunk that is a JPEG file.
const BYTES_PER_JPEG_PIXEL: u64 = 12;

/// Work per pixel, compared with a baseline JPEG.
const WORK: u64 = 4;

/// Tiles may cover this many times the limit of pixels, since they extend beyond the image.
const MAX_COVERED: u64 = 2;

pub(super) fn decode(bytes: &[u8], limits: &Limits) -> Result<RgbImage, Error> {
    let image = read(bytes, limits).and_then(|header| {
        let profile = header.profile.filter(|_| header.colors != Colors::Cmyk);
        Ok(upright(opaque(picture(&header, bytes)?, profile), header.orientation))
    });
    image.map_err(|fault| match fault {
        Fault::Truncated => Error::truncated(bytes, Format::Tiff),
        Fault::Other(error) => error,
        fault => Error::Decode { format: Format::Tiff, source: fault.into() },
    })
}

/// The cost of [`decode`] for a valid file.
pub(super) fn cost(bytes: &[u8], limits: &Limits) -> Option<Cost> {
    let header = read(bytes, limits).ok()?;
    let pixels = area([header.width, header.height]);
    let inside = match header.compression {
        Compression::Jpeg => area(header.chunks.size) * BYTES_PER_JPEG_PIXEL + bytes.len() as u64,
        _ => 0,
    };
    // Blending over white and rotating hold two images.
    let each = if header.alpha == Alpha::None { 3 + 3 } else { 4 + 3 };
    Some(Cost { pixels, memory: pixels * each + inside + OVERHEAD, work: covered(&header) * WORK })
}

/// Reads and checks everything but the pixels.
fn read<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Header<'a>, Fault> {
    let directory = Directory::read(bytes)?;
    if header::is_raw(&directory)? {
        return Err(Error::ForeignFormat { kind: "a raw photo", is_picture: true }.into());
    }
    let (width, height) = header::size(&directory)?;
    limits.check_size(width, height)?;
    let header = Header::read(&directory)?;
    let limit = limits.pixels.saturating_mul(MAX_COVERED);
    if covered(&header) > limit {
        return Err(Fault::Outside { limit });
    }
    let limit = limits.pixels;
    if header.compression == Compression::Jpeg && area(header.chunks.size) > limit {
        return Err(Fault::Outside { limit });
    }
    header.check_data(bytes)?;
    Ok(header)
}

/// Pixels that are decompressed, including those of tiles outside the image; only JPEG is decompressed to the last row.
fn covered(header: &Header<'_>) -> u64 {
    let width = area([header.chunks.size[0], header.chunks.count[0]]);
    let height = match header.compression {
        Compression::Jpeg => area([header.chunks.size[1], header.chunks.count[1]]),
        _ => u64::from(header.height),
    };
    width.saturating_mul(height)
}

fn area(sides: [u32; 2]) -> u64 {
    u64::from(sides[0]) * u64::from(sides[1])
}

fn picture(header: &Header<'_>, bytes: &[u8]) -> Result<DynamicImage, Fault> {
    let (width, height) = (header.width, header.height);
    let channels = channels(header);
    let stride = width as usize * channels;
    let mut levels = vec![0; stride * height as usize];
    let [chunk_width, chunk_height] = header.chunks.size.map(|side| side as usize);
    let across = header.chunks.count[0] as usize;
    for chunk in 0..across * header.chunks.count[1] as usize {
        let left = chunk % across * chunk_width * channels;
        let right = stride.min(left + chunk_width * channels);
        let mut rows = header.rows(bytes, chunk)?;
        let top = chunk / across * chunk_height;
        for row in levels.chunks_exact_mut(stride).skip(top).take(header.height_of(chunk) as usize)
        {
            if is_cancelled() {
                return Err(Error::Cancelled.into());
            }
            write_pixels(header, rows.next()?, &mut row[left..right]);
        }
    }
    let image = match channels {
        1 => GrayImage::from_raw(width, height, levels).map(DynamicImage::ImageLuma8),
        2 => GrayAlphaImage::from_raw(width, height, levels).map(DynamicImage::ImageLumaA8),
        3 => RgbImage::from_raw(width, height, levels).map(DynamicImage::ImageRgb8),
        _ => RgbaImage::from_raw(width, height, levels).map(DynamicImage::ImageRgba8),
    };
    image.ok_or(Fault::Short)
}

/// Levels of a pixel of the picture.
fn channels(header: &Header<'_>) -> usize {
    let colors = match header.colors {
        Colors::Grey | Colors::Ink => 1,
        Colors::Rgb | Colors::YCbCr | Colors::Cmyk | Colors::Palette(_) => 3,
    };
    colors + usize::from(header.alpha != Alpha::None)
}

/// Converts a row of samples to levels, as many pixels as fit.
fn write_pixels(header: &Header<'_>, samples: &[u8], row: &mut [u8]) {
    let channels = channels(header);
    let colors = channels - usize::from(header.alpha != Alpha::None);
    let pixels = row.chunks_exact_mut(channels);
    for (pixel, samples) in pixels.zip(samples.chunks_exact(header.samples)) {
        match &header.colors {
            Colors::Palette(palette) => {
                let color = palette.get(usize::from(samples[0])).copied();
                pixel.copy_from_slice(&color.unwrap_or_default());
            }
            Colors::Cmyk => {
                for (level, ink) in pixel.iter_mut().zip(samples) {
                    *level = under_black(255 - ink, 255 - samples[3]);
                }
            }
            Colors::Ink => {
                pixel.copy_from_slice(&samples[..channels]);
                pixel[0] = 255 - pixel[0];
            }
            Colors::Grey | Colors::Rgb | Colors::YCbCr => {
                pixel.copy_from_slice(&samples[..channels]);
            }
        }
        if header.alpha == Alpha::Premultiplied {
            divide(pixel, colors);
        }
    }
}

/// Divides premultiplied levels by their transparency.
fn divide(pixel: &mut [u8], colors: usize) {
    let (colors, alpha) = pixel.split_at_mut(colors);
    let alpha = u32::from(alpha[0]);
    for level in colors {
        *level = (u32::from(*level) * 255).checked_div(alpha).unwrap_or(0).min(255) as u8;
    }
}
