//! The cost of decoding, estimated from the header of a file.

use std::panic::{UnwindSafe, catch_unwind};

use super::{jpeg, other, tiff, webp_chunks};
use crate::{Format, Limits};

/// Upper bounds on the cost of decoding an image file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Pixels of the decoded image.
    pub pixels: u64,
    /// Peak memory in bytes, without the file itself.
    pub memory: u64,
    /// Pixels processed, once for each scan of a JPEG: a measure of the time.
    pub work: u64,
}

/// Estimates the cost of [`decode`](crate::decode()) from the header of a file, without allocating pixels. The cost of an
/// invalid file is zero.
///
/// ```
/// use pet_image::{Cost, Limits, cost};
///
/// assert_eq!(cost(b"no picture", &Limits::default()), Cost::default());
/// ```
pub fn cost(bytes: &[u8], limits: &Limits) -> Cost {
    cost_reduced(bytes, limits, |_, _| 1)
}

/// Estimates the cost of [`decode_reduced`](super::decode_reduced).
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
        Format::WebP => {
            let file = webp_chunks::check(bytes, limits).ok()?;
            let canvas = other::cost(file, Format::WebP, limits)?;
            // A frame is decoded at its own size before it is compared with the canvas.
            Some(canvas.max(other::cost_of_frame(webp_chunks::largest_frame(file))))
        }
        Format::Tiff => tiff::cost(bytes, limits),
        format @ (Format::Png | Format::Gif | Format::Bmp) => other::cost(bytes, format, limits),
    });
    cost.ok().flatten().unwrap_or_default()
}

impl Cost {
    fn max(self, other: Self) -> Self {
        Self {
            pixels: self.pixels.max(other.pixels),
            memory: self.memory.max(other.memory),
            work: self.work.max(other.work),
        }
    }
}
