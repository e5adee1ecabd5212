//! The expected calibration error.

use crate::Error;
use crate::check::{check, top_class};

/// Number of bins of equal width, as in Guo et al. 2017.
pub const CALIBRATION_BINS: usize = 15;

/// The expected calibration error, from 0 to 1 (Guo et al. 2017, equation 3, after Naeini, Cooper and Hauskrecht 2015).
///
/// Images are grouped by the probability of their most probable class into [`CALIBRATION_BINS`] bins
/// `((m - 1) / 15, m / 15]`. The result is the mean over the bins of the gap between mean confidence and accuracy,
/// weighted by their images.
///
/// `probabilities` has one row of `classes` values per image, `labels` the images' class indices.
///
/// ```
/// // A confidence of 0.8, but an accuracy of 0.5.
/// let probabilities = [vec![0.8, 0.2], vec![0.8, 0.2]];
/// let gap = pet_report::expected_calibration_error(&probabilities, &[0, 1], 2)?;
/// assert!((gap - 0.3).abs() < 1e-6);
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`measure`](crate::measure()) for rows and labels.
pub fn expected_calibration_error(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Result<f64, Error> {
    let bins = bins(probabilities, labels, classes)?;
    let gaps = bins.iter().map(|bin| (bin.confidence - bin.correct).abs());
    Ok(gaps.sum::<f64>() / labels.len() as f64)
}

/// The sums over the images of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    /// Sum of the confidences.
    confidence: f64,
    /// Number of correctly classified images.
    correct: f64,
}

fn bins(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Result<[Bin; CALIBRATION_BINS], Error> {
    check(probabilities, labels, classes)?;
    let mut bins = [Bin::default(); CALIBRATION_BINS];
    for (row, &label) in probabilities.iter().zip(labels) {
        let predicted = top_class(row);
        let confidence = f64::from(row[predicted]);
        // The upper edge belongs to the bin.
        let number = (confidence * CALIBRATION_BINS as f64).ceil() as usize;
        let bin = &mut bins[number.clamp(1, CALIBRATION_BINS) - 1];
        bin.confidence += confidence;
        bin.correct += f64::from(u8::from(predicted == label));
    }
    Ok(bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_one_computed_by_hand() {
        // Two bins: {0.95, 0.95} with one right, {0.5} with one right.
        let rows = [vec![0.95, 0.05], vec![0.05, 0.95], vec![0.5, 0.5]];
        let error = expected_calibration_error(&rows, &[0, 0, 0], 2).unwrap();
        assert!((error - (0.9 + 0.5) / 3.0).abs() < 1e-6, "{error}");
    }

    #[test]
    fn the_upper_edge_belongs_to_the_bin() {
        let rows = [vec![0.2; 5], vec![0.21, 0.19, 0.2, 0.2, 0.2]];
        let bins = bins(&rows, &[0, 0], 5).unwrap();
        // 0.2 as `f32` lies just above 3/15, and is held to the fourth bin with 0.21.
        assert_eq!(bins.iter().filter(|bin| bin.correct > 0.0).count(), 1);
        let rows = [vec![1.0, 0.0]];
        let certain = super::bins(&rows, &[0], 2).unwrap();
        assert!(certain[CALIBRATION_BINS - 1].correct > 0.0);
    }
}
