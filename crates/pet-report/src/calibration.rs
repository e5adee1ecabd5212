//! Calibration of confidences by temperature scaling.
//!
//! Guo, Pleiss, Sun and Weinberger, "On Calibration of Modern Neural Networks", 2017,
//! <https://arxiv.org/abs/1706.04599>.

use std::ops::RangeInclusive;

use pet_model::{Calibration, SplitMetrics, softmax};

use crate::measure::{check, check_rows, top_class};
use crate::{Error, measure};

/// The searched temperatures.
pub const TEMPERATURES: RangeInclusive<f64> = 0.05..=20.0;

/// The temperature that changes nothing.
const UNCHANGED: f64 = 1.0;

/// Bisection steps: 2^-64 of the interval is far below the precision of the logits.
const BISECTIONS: usize = 64;

/// Number of bins of equal width, as in Guo et al. 2017.
pub const CALIBRATION_BINS: usize = 15;

/// Measures a classifier on the images of one split from its logits: [`measure`](crate::measure()), and the calibration
/// with and without the temperature.
///
/// ```
/// use pet_report::measure_logits;
///
/// let classes = ["Beagle".to_string(), "Pug".to_string()];
/// let logits = vec![vec![8.0, 0.0]; 4];
/// let metrics = measure_logits(&logits, &[0, 0, 0, 1], &classes, 7.282, "evaluate")?;
/// let calibration = metrics.calibration.unwrap();
/// assert!(calibration.error < 0.001 && calibration.error_before > 0.24);
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NotFinite`], and those of [`measure`](crate::measure()).
pub fn measure_logits(
    logits: &[Vec<f32>],
    labels: &[usize],
    classes: &[String],
    temperature: f64,
    command: &str,
) -> Result<SplitMetrics, Error> {
    let calibrated = probabilities(logits, temperature)?;
    let uncalibrated = probabilities(logits, 1.0)?;
    let count = classes.len();
    let metrics = measure(&calibrated, labels, classes, command)?;
    Ok(SplitMetrics {
        calibration: Some(Calibration {
            temperature,
            error: expected_calibration_error(&calibrated, labels, count)?,
            error_before: expected_calibration_error(&uncalibrated, labels, count)?,
            loss_before: measure(&uncalibrated, labels, classes, command)?.loss,
        }),
        ..metrics
    })
}

/// The softmax of each row of logits divided by `temperature`, the input of [`measure`](crate::measure()) and
/// [`ConfusionMatrix`](crate::ConfusionMatrix).
///
/// # Errors
///
/// [`Error::NotFinite`] and [`Error::NoClasses`].
pub fn probabilities(logits: &[Vec<f32>], temperature: f64) -> Result<Vec<Vec<f32>>, Error> {
    let rows = logits.iter().enumerate();
    rows.map(|(row, values)| {
        check_finite(row, values)?;
        softmax(values, temperature).ok_or(Error::NoClasses)
    })
    .collect()
}

fn check_finite(row: usize, logits: &[f32]) -> Result<(), Error> {
    match logits.iter().enumerate().find(|(_, logit)| !logit.is_finite()) {
        Some((class, &value)) => Err(Error::NotFinite { row, class, value }),
        None => Ok(()),
    }
}

/// Finds the temperature `T` within [`TEMPERATURES`] that minimizes the mean cross-entropy of `softmax(logits / T)`
/// (Guo et al. 2017, section 4.2). Use images that the model was not trained on, such as the validation split.
///
/// `logits` has one row per image with one number per class, `labels` the images' class indices. Log-probabilities
/// work too, because a constant added to a row has no effect.
///
/// If every image is classified correctly, the cross-entropy has no minimum: it falls with the temperature. The result
/// is then 1, so that a model measured on few images does not become certain of everything. For random predictions the
/// result is the upper bound.
///
/// The cross-entropy is convex in `1 / T`, so its derivative has one zero, which is found by bisection. Scaling keeps
/// the order of the classes: only the confidence changes.
///
/// ```
/// // Four confident predictions, three of them correct.
/// let logits = vec![vec![8.0, 0.0]; 4];
/// let temperature = pet_report::fit_temperature(&logits, &[0, 0, 0, 1])?;
/// let confidence = pet_model::softmax(&logits[0], temperature).unwrap()[0];
/// assert!((confidence - 0.75).abs() < 1e-6);
/// # Ok::<(), pet_report::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::NoImages`], [`Error::NoClasses`], [`Error::LabelCount`], [`Error::LabelOutside`],
/// [`Error::RowLength`] and [`Error::NotFinite`].
pub fn fit_temperature(logits: &[Vec<f32>], labels: &[usize]) -> Result<f64, Error> {
    let classes = logits.first().ok_or(Error::NoImages)?.len();
    check_rows(logits, labels, classes, check_finite)?;
    let slope = |inverse: f64| -> f64 {
        let rows = logits.iter().zip(labels);
        rows.map(|(row, &label)| slope(row, label, inverse)).sum()
    };
    let (mut low, mut high) = (1.0 / TEMPERATURES.end(), 1.0 / TEMPERATURES.start());
    if slope(low) >= 0.0 {
        return Ok(*TEMPERATURES.end());
    }
    if slope(high) <= 0.0 {
        return Ok(UNCHANGED);
    }
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if slope(middle) < 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(1.0 / f64::midpoint(low, high))
}

/// Derivative of one image's cross-entropy with respect to the inverse temperature: the expected logit minus the logit
/// of the label.
fn slope(logits: &[f32], label: usize, inverse: f64) -> f64 {
    let weights = weights(logits, inverse);
    let sum: f64 = weights.iter().sum();
    let actual = logits.get(label).copied().map_or(0.0, f64::from);
    let products = logits.iter().zip(&weights);
    products.map(|(&logit, weight)| weight / sum * (f64::from(logit) - actual)).sum()
}

fn weights(logits: &[f32], inverse: f64) -> Vec<f64> {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    logits.iter().map(|&logit| ((f64::from(logit) - f64::from(largest)) * inverse).exp()).collect()
}

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
    fn what_cannot_be_fitted_is_named() {
        let message = |logits: &[Vec<f32>], labels: &[usize]| {
            fit_temperature(logits, labels).unwrap_err().to_string()
        };
        assert_eq!(message(&[], &[]), "there are no images to measure");
        assert_eq!(message(&[vec![]], &[0]), "the class list is empty");
        assert!(message(&[vec![1.0]], &[0, 0]).contains("got 2"));
        assert!(message(&[vec![1.0]], &[1]).contains("expected one below 1"));
        assert!(message(&[vec![1.0, 2.0], vec![1.0]], &[0, 0]).contains("row 1"));
        assert_eq!(
            message(&[vec![1.0, f32::NAN]], &[0]),
            "row 0, class 1 has the logit `NaN`, expected a finite one"
        );
    }

    #[test]
    fn without_a_best_temperature_nobody_becomes_surer() {
        let right = fit_temperature(&[vec![1.0, 0.0]], &[0]).unwrap();
        let wrong = fit_temperature(&[vec![1.0, 0.0]], &[1]).unwrap();
        let gaps = [right - UNCHANGED, wrong - TEMPERATURES.end()];
        assert!(gaps.iter().all(|gap| gap.abs() < 1e-12), "{right} {wrong}");
    }

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
