//! PNG, GIF, WebP and BMP, through the `image` crate.

use std::error::Error as _;
use std::io::{Cursor, ErrorKind};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};

use super::finish::{opaque, upright};
use super::{Cost, truncated};
use crate::cancel::{Cancellable, is_cancelled};
use crate::{Error, Format, Limits};

/// Memory of a decoder for each pixel of the limit: 16-bit RGBA.
const BYTES_PER_PIXEL: u64 = 8;

/// Memory of a decoder for metadata and tables.
const OVERHEAD: u64 = 8 << 20;

/// Limit on the decompressed colour profile and texts of a PNG. Their buffer doubles as it grows, so it may be twice as
/// large.
const PNG_METADATA: u64 = OVERHEAD / 2;

pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<RgbImage, Error> {
    let explain = |error: ImageError| {
        if is_cancelled() {
            Error::Cancelled
        } else if is_end_of_file(&error) {
            truncated(bytes, format)
        } else {
            Error::Decode { format, source: error.into() }
        }
    };
    let mut decoder = reader(bytes, format, limits).into_decoder().map_err(explain)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let has_profile = matches!(format, Format::Png | Format::WebP);
    let profile = has_profile.then(|| decoder.icc_profile().ok().flatten()).flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(explain)?;
    Ok(upright(opaque(image, profile.as_deref()), orientation))
}

fn reader<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> ImageReader<Cancellable<'a>> {
    let mut memory = image::Limits::no_limits();
    // The PNG decoder applies this to metadata and rows only; the callers check the size of the image.
    let (pixels, overhead) = if format == Format::Png {
        (u64::from(limits.width), PNG_METADATA)
    } else {
        (limits.pixels, OVERHEAD)
    };
    memory.max_alloc = Some(pixels.saturating_mul(BYTES_PER_PIXEL) + overhead);
    let mut reader = ImageReader::with_format(Cancellable(Cursor::new(bytes)), format.into());
    reader.limits(memory);
    reader
}

/// Work per pixel, compared with a baseline JPEG.
const WORK: u64 = 4;

/// The cost of [`decode`] for a valid file.
pub(super) fn cost(bytes: &[u8], format: Format, limits: &Limits) -> Option<Cost> {
    let decoder = reader(bytes, format, limits).into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height).ok()?;
    let pixels = u64::from(width) * u64::from(height);
    let color = decoder.color_type();
    let stored = u64::from(color.bytes_per_pixel());
    let has_alpha = color.has_alpha();
    // 8-bit RGB and RGBA need no conversion.
    let converted = match (has_alpha, stored) {
        (true, 4) | (false, 3) => 0,
        (true, _) => 4,
        (false, _) => 3,
    };
    // Buffers of the decoder besides its result: a GIF's indices and canvas, a WebP's planes or frame.
    let inside = match format {
        Format::Gif | Format::WebP => 6,
        _ => 0,
    };
    // Blending over white and rotating hold two images; the first copy is freed by then.
    let changed = if has_alpha { 4 + 3 } else { 3 + 3 };
    let each = (stored + inside).max(stored + converted).max(changed);
    Some(Cost { pixels, memory: pixels * each + OVERHEAD, work: pixels * WORK })
}

/// The cost of a WebP frame of this many pixels.
pub(super) fn cost_of_frame(pixels: u64) -> Cost {
    Cost { pixels, memory: pixels * 10 + OVERHEAD, work: pixels * WORK }
}

/// Whether the decoder reached the end of the file.
fn is_end_of_file(error: &ImageError) -> bool {
    let cause = match error {
        ImageError::IoError(cause) => return cause.kind() == ErrorKind::UnexpectedEof,
        error => error.source(),
    };
    // The GIF decoder has its own error for it.
    let cause = cause.and_then(|cause| cause.downcast_ref::<gif::DecodingError>());
    matches!(cause, Some(gif::DecodingError::UnexpectedEof))
}
