//! Files to pixels.

mod color;
mod cost;
mod finish;
mod jpeg;
mod other;
mod tiff;
mod webp_chunks;

use std::fmt;
use std::panic::{UnwindSafe, catch_unwind};

use image::RgbImage;

pub use self::cost::Cost;
pub use self::cost::cost;
pub(crate) use self::cost::cost_reduced;

use crate::format::{Foreign, foreign};
use crate::wanted::is_wanted;
use crate::{Error, Format, Limits};

/// A decoded picture, as a person would see it.
#[derive(Clone, PartialEq)]
pub struct Decoded {
    /// The pixels: upright, opaque, 8 bits a channel.
    pub image: RgbImage,
    /// What the file was.
    pub format: Format,
}

/// Without the pixels, which would drown everything else.
impl fmt::Debug for Decoded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.image.dimensions();
        write!(formatter, "Decoded({}, {width}x{height})", self.format)
    }
}

/// Decodes an image file.
///
/// - The format is told by content ([`Format::detect`]).
/// - The orientation of JPEG, PNG, WebP (EXIF) and TIFF is applied.
/// - Transparent pixels are blended over white.
/// - Grey, palette, 16-bit and CMYK pictures become 8-bit RGB.
/// - The colour profile of a JPEG, PNG, WebP or TIFF picture is applied, so that levels are those of sRGB. One that is broken is
///   ignored, and so is one for CMYK.
/// - Of an animation, the first frame is taken; of a file with several pictures (MPO, TIFF), the first.
///
/// A file that breaks off before the last pixel is an error. For JPEG that means, as in Pillow,
/// before its end marker. Small flaws that leave the picture whole (stray bytes, damage in the
/// last rows) are bridged.
///
/// ```
/// use pet_image::{Error, Limits, decode};
///
/// let error = decode(b"GIF89a\x40\x00", &Limits::default()).unwrap_err();
/// assert!(matches!(error, Error::Truncated { .. }));
/// ```
///
/// # Errors
/// [`Error::Empty`], [`Error::TooManyBytes`], [`Error::ForeignFormat`] and [`Error::UnknownFormat`] by the first look;
/// [`Error::TooLarge`], [`Error::TooManyPixels`], [`Error::TooManyScans`] and [`Error::TooMuchMemory`] by the header,
/// before pixels are allocated;
/// [`Error::Truncated`], [`Error::Damaged`] and [`Error::Decode`] by the content.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
    decode_reduced(bytes, limits, |_, _| 1)
}

/// Decodes an image file, where the format can do so at a part of its size: `reduce` gets width and height as a person
/// sees them and chooses 1, 2, 4 or 8, by which sides are divided (and rounded up).
pub(crate) fn decode_reduced(
    bytes: &[u8],
    limits: &Limits,
    reduce: impl Fn(u32, u32) -> u32 + UnwindSafe,
) -> Result<Decoded, Error> {
    limits.check_bytes(bytes)?;
    let format = Format::detect(bytes).ok_or_else(|| match foreign(bytes) {
        Some(Foreign { kind, is_picture }) => Error::ForeignFormat { kind, is_picture },
        None => Error::UnknownFormat {
            start: start(bytes),
        },
    })?;
    // A decoder that panics must end neither a request nor a training.
    let image = catch_unwind(|| pixels(bytes, format, limits, reduce)).unwrap_or_else(|_| {
        Err(Error::Decode {
            format,
            source: "the decoder panicked".into(),
        })
    })?;
    Ok(Decoded { image, format })
}

fn pixels(
    bytes: &[u8],
    format: Format,
    limits: &Limits,
    reduce: impl Fn(u32, u32) -> u32,
) -> Result<RgbImage, Error> {
    if !is_wanted() {
        return Err(Error::Unwanted);
    }
    match format {
        Format::Jpeg => jpeg::decode(bytes, limits, reduce),
        Format::WebP => other::decode(webp_chunks::check(bytes, limits)?, format, limits),
        Format::Png | Format::Gif | Format::Bmp => other::decode(bytes, format, limits),
        Format::Tiff => tiff::decode(bytes, limits),
    }
}

/// The first bytes in a form that can be printed.
fn start(bytes: &[u8]) -> String {
    bytes
        .iter()
        .take(12)
        .copied()
        .flat_map(std::ascii::escape_default)
        .map(char::from)
        .collect()
}

/// The error for a file that breaks off.
fn truncated(bytes: &[u8], format: Format) -> Error {
    Error::Truncated {
        format,
        bytes: bytes.len() as u64,
    }
}
