//! The levels of an image: their statistics, contrast and luma.

use image::{GrayImage, ImageBuffer, Luma, RgbImage};

/// Avoids a division by zero for a channel of one level.
const EPSILON: f64 = 1e-6;

/// Mean and standard deviation of each channel, in levels from 0 to 255.
///
/// The standard deviation is the population's (divided by the number of pixels, NumPy's default). An
/// empty image has zeros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Statistics {
    /// Mean of red, green and blue.
    pub mean: [f64; 3],
    /// Standard deviation of red, green and blue.
    pub standard_deviation: [f64; 3],
}

impl Statistics {
    /// Computes the statistics of an image.
    pub fn of(image: &RgbImage) -> Self {
        Self::of_histograms(&histograms(image))
    }

    fn of_histograms(histograms: &[Histogram; 3]) -> Self {
        let [red, green, blue] = histograms.each_ref().map(moments);
        Self { mean: [red.0, green.0, blue.0], standard_deviation: [red.1, green.1, blue.1] }
    }
}

/// Standardizes each channel, `(x - mean) / (standard deviation + 1e-6)`, and scales the result to
/// 0..=255 by the smallest and the largest value of all three channels together, rounding to the
/// nearest level.
///
/// A uniform image becomes black.
pub fn contrast_stretch(image: &RgbImage) -> RgbImage {
    let histograms = histograms(image);
    let statistics = Statistics::of_histograms(&histograms);
    let standardized = |channel: usize, level: usize| {
        (level as f64 - statistics.mean[channel])
            / (statistics.standard_deviation[channel] + EPSILON)
    };

    let (lowest, highest) = range(&histograms, standardized);
    let scale = if highest > lowest { 255.0 / (highest - lowest) } else { 0.0 };
    let tables: [[u8; 256]; 3] = std::array::from_fn(|channel| {
        std::array::from_fn(|level| {
            ((standardized(channel, level) - lowest) * scale).round().clamp(0.0, 255.0) as u8
        })
    });

    let mut stretched = image.clone();
    for pixel in stretched.pixels_mut() {
        for (level, table) in pixel.0.iter_mut().zip(&tables) {
            *level = table[usize::from(*level)];
        }
    }
    stretched
}

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

/// Number of pixels of each level.
type Histogram = [u64; 256];

/// Counts the levels of red, green and blue.
fn histograms(image: &RgbImage) -> [Histogram; 3] {
    let mut histograms = [[0; 256]; 3];
    for pixel in image.pixels() {
        for (histogram, level) in histograms.iter_mut().zip(pixel.0) {
            histogram[usize::from(level)] += 1;
        }
    }
    histograms
}

/// Mean and standard deviation, from integer sums, so that a uniform channel has a deviation of exactly
/// zero.
fn moments(histogram: &Histogram) -> (f64, f64) {
    let (mut count, mut sum, mut squares) = (0u128, 0u128, 0u128);
    for (level, &pixels) in (0u128..).zip(histogram) {
        count += u128::from(pixels);
        sum += level * u128::from(pixels);
        squares += level * level * u128::from(pixels);
    }
    if count == 0 {
        return (0.0, 0.0);
    }
    let variance = (count * squares - sum * sum) as f64 / (count * count) as f64;
    (sum as f64 / count as f64, variance.sqrt())
}

/// Smallest and largest standardized value among the levels that occur.
fn range(histograms: &[Histogram; 3], standardized: impl Fn(usize, usize) -> f64) -> (f64, f64) {
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    for (channel, histogram) in histograms.iter().enumerate() {
        for (level, _) in histogram.iter().enumerate().filter(|(_, pixels)| **pixels > 0) {
            let value = standardized(channel, level);
            (lowest, highest) = (lowest.min(value), highest.max(value));
        }
    }
    (lowest, highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_levels_have_the_mean_between_them() {
        let image = RgbImage::from_raw(2, 1, vec![0, 10, 7, 255, 20, 7]).unwrap();
        let expected =
            Statistics { mean: [127.5, 15.0, 7.0], standard_deviation: [127.5, 5.0, 0.0] };
        assert_eq!(Statistics::of(&image), expected);
    }

    #[test]
    fn no_pixels_give_zeros() {
        let zeros = Statistics { mean: [0.0; 3], standard_deviation: [0.0; 3] };
        assert_eq!(Statistics::of(&RgbImage::new(0, 0)), zeros);
    }

    #[test]
    fn a_stretched_image_uses_the_whole_range() {
        let image = RgbImage::from_fn(16, 16, |x, y| [90 + x as u8, 100 + y as u8, 40].into());
        let stretched = contrast_stretch(&image);
        assert_eq!(stretched.as_raw().iter().min(), Some(&0));
        assert_eq!(stretched.as_raw().iter().max(), Some(&255));
        // Blue does not vary: it sits at its mean, in the middle of a symmetric range.
        assert!(stretched.pixels().all(|pixel| pixel[2] == 128));
    }

    #[test]
    fn one_colour_becomes_black_when_it_is_stretched() {
        let stretched = contrast_stretch(&RgbImage::from_pixel(9, 7, [200, 30, 77].into()));
        assert!(stretched.as_raw().iter().all(|&level| level == 0));
        assert_eq!(stretched.dimensions(), (9, 7));
    }

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
