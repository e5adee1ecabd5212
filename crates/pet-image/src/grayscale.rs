//! Conversion to grayscale.

use image::{GrayImage, ImageBuffer, Luma, RgbImage};

/// Converts to grayscale by the luma of ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`.
///
/// The weights are in 16-bit fixed point exactly as in Pillow's conversion to mode `L` (`L24` in its
/// `Convert.c`), so the result is identical.
pub fn grayscale(image: &RgbImage) -> GrayImage {
    ImageBuffer::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue] = image.get_pixel(x, y).0.map(u32::from);
        Luma([((19_595 * red + 38_470 * green + 7_471 * blue + 0x8000) >> 16) as u8])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grey_stays_grey_and_green_is_brightest() {
        let level = |pixel: [u8; 3]| grayscale(&RgbImage::from_pixel(1, 1, pixel.into()))[(0, 0)].0;
        for grey in 0..=255 {
            assert_eq!(level([grey; 3]), [grey]);
        }
        assert_eq!(
            [level([255, 0, 0]), level([0, 255, 0]), level([0, 0, 255])],
            [[76], [150], [29]]
        );
    }
}
