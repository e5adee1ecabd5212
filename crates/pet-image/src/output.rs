//! How large an image this crate makes.

use crate::Error;

/// Largest width and height of an image that [`resize`](crate::resize) or [`crop`](crate::crop)
/// makes, in pixels.
pub const MAX_OUTPUT_SIDE: u32 = 16_384;

/// Largest number of pixels of an image that [`resize`](crate::resize) or [`crop`](crate::crop)
/// makes.
pub const MAX_OUTPUT_PIXELS: u64 = 50_000_000;

/// Refuses sizes that are empty or would take absurd amounts of memory.
pub(crate) fn check_output(width: u32, height: u32) -> Result<(), Error> {
    if width == 0 || height == 0 {
        return Err(Error::NoPixels { width, height });
    }
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > MAX_OUTPUT_SIDE || pixels > MAX_OUTPUT_PIXELS {
        return Err(Error::OutputTooLarge { width, height });
    }
    Ok(())
}
