//! Temperature scaling.

use std::ops::RangeInclusive;

use crate::Error;

/// The searched temperatures.
pub const TEMPERATURES: RangeInclusive<f64> = 0.05..=20.0;

/// The temperature that changes nothing.
const UNCHANGED: f64 = 1.0;

/// Bisection steps: 2^-64 of the interval is far below the precision of the logits.
const BISECTIONS: usize = 64;

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
    check(logits, labels)?;
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

fn check(logits: &[Vec<f32>], labels: &[usize]) -> Result<(), Error> {
    let classes = logits.first().ok_or(Error::NoImages)?.len();
    if classes == 0 {
        return Err(Error::NoClasses);
    }
    if logits.len() != labels.len() {
        return Err(Error::LabelCount { expected: logits.len(), got: labels.len() });
    }
    for (row, (values, &label)) in logits.iter().zip(labels).enumerate() {
        if label >= classes {
            return Err(Error::LabelOutside { row, label, classes });
        }
        if values.len() != classes {
            return Err(Error::RowLength { row, expected: classes, got: values.len() });
        }
        if let Some((class, &value)) = values.iter().enumerate().find(|one| !one.1.is_finite()) {
            return Err(Error::NotFinite { row, class, value });
        }
    }
    Ok(())
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
}
