//! Limits on the size of images, and the cost of decoding them.

use crate::Error;

/// The largest image that is decoded; limits are checked before pixels are allocated.
///
/// The default suits photographs of cameras and phones: 20 MiB, 16,384 pixels a side, 50 million
/// pixels.
///
/// ```
/// use pet_image::Limits;
///
/// let limits = Limits::default().with_bytes(1 << 20).with_pixels(1_000_000);
/// assert_eq!(limits.width, 16_384);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Width times height. A decoder may take up to about 12 bytes of memory for each.
    pub pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl Limits {
    /// The default limits, as a constant.
    pub const DEFAULT: Self =
        Self { bytes: 20 << 20, width: 16_384, height: 16_384, pixels: 50_000_000 };

    /// Sets the limit for the size of the file in bytes.
    #[must_use]
    pub const fn with_bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }

    /// Sets the limit for the width in pixels.
    #[must_use]
    pub const fn with_width(self, width: u32) -> Self {
        Self { width, ..self }
    }

    /// Sets the limit for the height in pixels.
    #[must_use]
    pub const fn with_height(self, height: u32) -> Self {
        Self { height, ..self }
    }

    /// Sets the limit for the number of pixels.
    #[must_use]
    pub const fn with_pixels(self, pixels: u64) -> Self {
        Self { pixels, ..self }
    }

    /// Checks the size of a file.
    pub(crate) fn check_bytes(&self, bytes: &[u8]) -> Result<(), Error> {
        match bytes.len() as u64 {
            0 => Err(Error::Empty),
            length if length > self.bytes => {
                Err(Error::TooManyBytes { bytes: length, limit: self.bytes })
            }
            _ => Ok(()),
        }
    }

    /// Checks the size of an image, from its header.
    pub(crate) fn check_size(&self, width: u32, height: u32) -> Result<(), Error> {
        check_pixels(width, height)?;
        if width > self.width || height > self.height {
            let (max_width, max_height) = (self.width, self.height);
            return Err(Error::TooLarge { width, height, max_width, max_height });
        }
        if u64::from(width) * u64::from(height) > self.pixels {
            return Err(Error::TooManyPixels { width, height, limit: self.pixels });
        }
        Ok(())
    }
}

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

/// Largest width and height of an image that [`resize`](crate::resize()) or [`crop`](crate::crop())
/// makes, in pixels.
pub const MAX_OUTPUT_SIDE: u32 = 16_384;

/// Largest number of pixels of an image that [`resize`](crate::resize()) or [`crop`](crate::crop())
/// makes.
pub const MAX_OUTPUT_PIXELS: u64 = 50_000_000;

/// Checks that an image has pixels.
pub(crate) fn check_pixels(width: u32, height: u32) -> Result<(), Error> {
    if width == 0 || height == 0 { Err(Error::NoPixels { width, height }) } else { Ok(()) }
}

/// Checks the size of an image to make.
pub(crate) fn check_output(width: u32, height: u32) -> Result<(), Error> {
    check_pixels(width, height)?;
    let pixels = u64::from(width) * u64::from(height);
    if width.max(height) > MAX_OUTPUT_SIDE || pixels > MAX_OUTPUT_PIXELS {
        let (max_side, max_pixels) = (MAX_OUTPUT_SIDE, MAX_OUTPUT_PIXELS);
        return Err(Error::OutputTooLarge { width, height, max_side, max_pixels });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_at_the_limit_pass_and_sizes_above_do_not() {
        let limits = Limits { bytes: 3, width: 10, height: 20, pixels: 150 };
        assert!(limits.check_size(10, 15).is_ok());
        assert!(limits.check_size(7, 20).is_ok());
        assert!(matches!(limits.check_size(11, 1), Err(Error::TooLarge { width: 11, .. })));
        assert!(matches!(limits.check_size(1, 21), Err(Error::TooLarge { height: 21, .. })));
        assert!(matches!(limits.check_size(8, 19), Err(Error::TooManyPixels { limit: 150, .. })));
        assert!(matches!(limits.check_size(0, 5), Err(Error::NoPixels { .. })));
        assert!(limits.check_bytes(b"abc").is_ok());
        assert!(matches!(limits.check_bytes(b"abcd"), Err(Error::TooManyBytes { .. })));
        assert!(matches!(limits.check_bytes(b""), Err(Error::Empty)));
    }
}
