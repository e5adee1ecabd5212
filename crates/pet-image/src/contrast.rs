//! Contrast stretch.

use image::RgbImage;

use crate::statistics::{Histogram, Statistics, histograms};

/// Avoids a division by zero for a channel of one level.
const EPSILON: f64 = 1e-6;

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
    let table = |channel: usize| -> [u8; 256] {
        std::array::from_fn(|level| {
            ((standardized(channel, level) - lowest) * scale).round().clamp(0.0, 255.0) as u8
        })
    };

    let tables = [table(0), table(1), table(2)];
    let mut stretched = image.clone();
    for pixel in stretched.pixels_mut() {
        for (level, table) in pixel.0.iter_mut().zip(&tables) {
            *level = table[usize::from(*level)];
        }
    }
    stretched
}

/// Smallest and largest standardized value among the levels that occur.
fn range(histograms: &[Histogram; 3], standardized: impl Fn(usize, usize) -> f64) -> (f64, f64) {
    let occurring = histograms.iter().enumerate().flat_map(|(channel, histogram)| {
        let levels = histogram.iter().enumerate().filter(|(_, pixels)| **pixels > 0);
        levels.map(move |(level, _)| (channel, level))
    });
    occurring.fold((f64::INFINITY, f64::NEG_INFINITY), |(lowest, highest), (channel, level)| {
        let value = standardized(channel, level);
        (lowest.min(value), highest.max(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_range_is_used() {
        let image = RgbImage::from_fn(16, 16, |x, y| [90 + x as u8, 100 + y as u8, 40].into());
        let stretched = contrast_stretch(&image);
        assert_eq!(stretched.as_raw().iter().min(), Some(&0));
        assert_eq!(stretched.as_raw().iter().max(), Some(&255));
        // Blue does not vary: it sits at its mean, in the middle of a symmetric range.
        assert!(stretched.pixels().all(|pixel| pixel[2] == 128));
    }

    #[test]
    fn one_colour_becomes_black() {
        let stretched = contrast_stretch(&RgbImage::from_pixel(9, 7, [200, 30, 77].into()));
        assert!(stretched.as_raw().iter().all(|&level| level == 0));
        assert_eq!(stretched.dimensions(), (9, 7));
    }
}
