//! Mean and standard deviation of the colour channels.

use image::RgbImage;

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

    pub(crate) fn of_histograms(histograms: &[Histogram; 3]) -> Self {
        Self {
            mean: histograms.each_ref().map(|histogram| moments(histogram).0),
            standard_deviation: histograms.each_ref().map(|histogram| moments(histogram).1),
        }
    }
}

/// Number of pixels of each level.
pub(crate) type Histogram = [u64; 256];

/// Counts the levels of red, green and blue.
pub(crate) fn histograms(image: &RgbImage) -> [Histogram; 3] {
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
}
