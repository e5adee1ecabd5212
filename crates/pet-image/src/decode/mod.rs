//! Decoding.

mod finish;
mod jpeg;
mod other;
mod tiff;

use std::fmt;
use std::panic::{UnwindSafe, catch_unwind};

use image::RgbImage;

use crate::cancel::is_cancelled;
use crate::format::foreign;
use crate::{Cost, Error, Format, Limits};

/// A decoded image, as a viewer would show it.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    /// The pixels: upright, opaque, 8 bits a channel.
    pub image: RgbImage,
    /// The format of the file.
    pub format: Format,
}

/// Omits the pixels.
impl fmt::Debug for Decoded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.image.dimensions();
        write!(formatter, "Decoded({}, {width}x{height})", self.format)
    }
}

/// Decodes an image file.
///
/// - The format is detected by content ([`Format::detect`]).
/// - The orientation of JPEG, PNG, WebP (EXIF) and TIFF is applied.
/// - Transparent pixels are blended over white.
/// - Grayscale, palette, 16-bit and CMYK images become 8-bit RGB.
/// - The colour profile of a JPEG, PNG, WebP or TIFF image is applied, so that the result is sRGB. Invalid profiles and
///   those for CMYK are ignored.
/// - The first frame of an animation is decoded, and the first image of a file with several (MPO, TIFF).
///
/// An incomplete file is an error; for JPEG that means, as in Pillow, one without its end marker.
/// Small flaws (stray bytes, damage in the last rows) are tolerated.
///
/// ```
/// use pet_image::{Error, Limits, decode};
///
/// let error = decode(b"GIF89a\x40\x00", &Limits::default()).unwrap_err();
/// assert!(matches!(error, Error::Truncated { .. }));
/// ```
///
/// # Errors
/// - By size and signature: [`Error::Empty`], [`Error::TooManyBytes`], [`Error::ForeignFormat`], [`Error::UnknownFormat`].
/// - By header, before pixels are allocated: [`Error::TooLarge`], [`Error::TooManyPixels`], [`Error::TooManyScans`],
///   [`Error::TooMuchMemory`].
/// - By content: [`Error::Truncated`], [`Error::Damaged`], [`Error::Decode`].
/// - [`Error::Cancelled`] within [`cancel_unless`](crate::cancel_unless).
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    decode_reduced(bytes, limits, |_, _| 1)
}

/// Decodes an image file, at a reduced size where the format can: `reduce` gets the width and height after orientation
/// and returns 1, 2, 4 or 8, by which the sides are divided (and rounded up).
pub(crate) fn decode_reduced(
    bytes: &[u8],
    limits: &Limits,
    reduce: impl Fn(u32, u32) -> u32 + UnwindSafe,
) -> Result<Decoded, Error> {
    limits.check_bytes(bytes)?;
    let format = Format::detect(bytes).ok_or_else(|| match foreign(bytes) {
        Some((kind, is_picture)) => Error::ForeignFormat { kind, is_picture },
        None => Error::UnknownFormat { start: start(bytes) },
    })?;
    // A panicking decoder must abort neither a request nor a training run.
    let image = catch_unwind(|| match format {
        _ if is_cancelled() => Err(Error::Cancelled),
        Format::Jpeg => jpeg::decode(bytes, limits, reduce),
        Format::Tiff => tiff::decode(bytes, limits),
        Format::Png | Format::Gif | Format::WebP | Format::Bmp => {
            other::decode(bytes, format, limits)
        }
    });
    let image = image
        .unwrap_or_else(|_| Err(Error::Decode { format, source: "the decoder panicked".into() }))?;
    Ok(Decoded { image, format })
}

/// Estimates the cost of [`decode()`] from the header of a file, without allocating pixels. The cost of an invalid file is
/// zero.
///
/// ```
/// use pet_image::{Cost, Limits, cost};
///
/// assert_eq!(cost(b"no picture", &Limits::default()), Cost::default());
/// ```
pub fn cost(bytes: &[u8], limits: &Limits) -> Cost {
    cost_reduced(bytes, limits, |_, _| 1)
}

/// Estimates the cost of [`decode_reduced`].
pub(crate) fn cost_reduced(
    bytes: &[u8],
    limits: &Limits,
    reduce: impl Fn(u32, u32) -> u32 + UnwindSafe,
) -> Cost {
    if limits.check_bytes(bytes).is_err() {
        return Cost::default();
    }
    let cost = catch_unwind(|| match Format::detect(bytes)? {
        Format::Jpeg => jpeg::cost(bytes, reduce),
        Format::Tiff => tiff::cost(bytes, limits),
        format @ (Format::Png | Format::Gif | Format::WebP | Format::Bmp) => {
            other::cost(bytes, format, limits)
        }
    });
    cost.ok().flatten().unwrap_or_default()
}

/// The first bytes, with unprintable ones escaped.
fn start(bytes: &[u8]) -> String {
    bytes.iter().take(12).copied().flat_map(std::ascii::escape_default).map(char::from).collect()
}
