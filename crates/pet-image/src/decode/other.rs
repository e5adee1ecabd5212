//! PNG, GIF, WebP and BMP, through the `image` crate.

use std::error::Error as _;
use std::io::{Cursor, ErrorKind};

use image::error::ImageError;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader, RgbImage};

use super::finish::{opaque, upright};
use super::{Cost, truncated};
use crate::wanted::{Wanted, is_wanted};
use crate::{Error, Format, Limits};

/// Memory that a decoder may take for each pixel of the limit: 16-bit RGBA.
const BYTES_PER_PIXEL: u64 = 8;

/// Memory that a decoder may take besides, for metadata and tables.
const BYTES_BESIDES: u64 = 8 << 20;

/// What a PNG's compressed colour profile and texts may unpack to. The buffer that they are unpacked into doubles as it
/// grows, so it may be twice as large.
const UNPACKED: u64 = BYTES_BESIDES / 2;

pub(super) fn decode(bytes: &[u8], format: Format, limits: &Limits) -> Result<RgbImage, Error> {
    let refused = |error: ImageError| {
        if !is_wanted() {
            Error::Unwanted
        } else if is_end_of_file(&error) {
            truncated(bytes, format)
        } else {
            Error::Decode {
                format,
                source: error.into(),
            }
        }
    };
    let mut decoder = reader(bytes, format, limits)
        .into_decoder()
        .map_err(refused)?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height)?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let has_profile = matches!(format, Format::Png | Format::WebP);
    let profile = has_profile
        .then(|| decoder.icc_profile().ok().flatten())
        .flatten();
    let image = DynamicImage::from_decoder(decoder).map_err(refused)?;
    Ok(upright(opaque(image, profile.as_deref()), orientation))
}

fn reader<'a>(bytes: &'a [u8], format: Format, limits: &Limits) -> ImageReader<Wanted<'a>> {
    let mut memory = image::Limits::no_limits();
    // The PNG decoder applies this to metadata and rows only; the size of the picture is checked below.
    let (pixels, besides) = if format == Format::Png {
        (u64::from(limits.width), UNPACKED)
    } else {
        (limits.pixels, BYTES_BESIDES)
    };
    memory.max_alloc = Some(pixels.saturating_mul(BYTES_PER_PIXEL) + besides);
    let mut reader = ImageReader::with_format(Wanted(Cursor::new(bytes)), format.into());
    reader.limits(memory);
    reader
}

/// Times that the pixels of these formats are gone over, compared with a baseline JPEG.
const WORK: u64 = 4;

/// What decoding a file that [`decode`] accepts takes.
pub(super) fn cost(bytes: &[u8], format: Format, limits: &Limits) -> Option<Cost> {
    let decoder = reader(bytes, format, limits).into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    limits.check_size(width, height).ok()?;
    let pixels = u64::from(width) * u64::from(height);
    let color = decoder.color_type();
    let stored = u64::from(color.bytes_per_pixel());
    let has_alpha = color.has_alpha();
    // A picture that is RGB or RGBA of 8 bits is not copied for that.
    let converted = match (has_alpha, stored) {
        (true, 4) | (false, 3) => 0,
        (true, _) => 4,
        (false, _) => 3,
    };
    // What the decoder of the format has besides its result: a GIF's indices and canvas, a WebP's planes or frame.
    let inside = match format {
        Format::Gif | Format::WebP => 6,
        _ => 0,
    };
    // Blending over white and turning hold two pictures; until then the first copy is gone.
    let changed = if has_alpha { 4 + 3 } else { 3 + 3 };
    let each = (stored + inside).max(stored + converted).max(changed);
    Some(Cost {
        pixels,
        memory: pixels * each + BYTES_BESIDES,
        work: pixels * WORK,
    })
}

/// What a WebP frame with as many pixels takes, whatever the file around it announces.
pub(super) fn cost_of_frame(pixels: u64) -> Cost {
    Cost {
        pixels,
        memory: pixels * 10 + BYTES_BESIDES,
        work: pixels * WORK,
    }
}

/// Whether the decoder would have read on but for the end of the file.
fn is_end_of_file(error: &ImageError) -> bool {
    let cause = match error {
        ImageError::IoError(cause) => return cause.kind() == ErrorKind::UnexpectedEof,
        error => error.source(),
    };
    // The GIF decoder has a word of its own for it.
    let cause = cause.and_then(|cause| cause.downcast_ref::<gif::DecodingError>());
    matches!(cause, Some(gif::DecodingError::UnexpectedEof))
}
