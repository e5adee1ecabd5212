//! Softmax.

/// The softmax of `logits / temperature`. `None` without logits or when one is not finite.
///
/// The largest logit is subtracted first, so that no exponential overflows.
///
/// ```
/// let probabilities = pet_model::softmax(&[4.0, 2.0], 2.0).unwrap();
/// assert!((probabilities[0] - 1.0 / (1.0 + (-1.0_f32).exp())).abs() < 1e-6);
/// ```
pub fn softmax(logits: &[f32], temperature: f64) -> Option<Vec<f32>> {
    if logits.is_empty() || logits.iter().any(|logit| !logit.is_finite()) {
        return None;
    }
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponential = |&logit: &f32| ((f64::from(logit) - f64::from(largest)) / temperature).exp();
    let sum: f64 = logits.iter().map(exponential).sum();
    Some(logits.iter().map(|logit| (exponential(logit) / sum) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_stable_and_sums_to_one() {
        let small = softmax(&[1.0, 2.0, 3.0], 1.0).unwrap();
        let large = softmax(&[10_001.0, 10_002.0, 10_003.0], 1.0).unwrap();
        for (small, expected) in small.iter().zip([0.090_030_57, 0.244_728_48, 0.665_240_94]) {
            assert!((small - expected).abs() < 1e-7, "{small} {expected}");
        }
        assert_eq!(small, large);
        assert_eq!(softmax(&[f32::MAX, f32::MIN], 1.0).unwrap(), [1.0, 0.0]);
        assert_eq!(softmax(&[0.0, f32::NAN], 1.0), None);
        assert_eq!(softmax(&[0.0, f32::INFINITY], 1.0), None);
        assert_eq!(softmax(&[], 1.0), None);
    }

    #[test]
    fn a_temperature_divides_the_logits() {
        assert_eq!(softmax(&[2.0, 4.0, 6.0], 2.0), softmax(&[1.0, 2.0, 3.0], 1.0));
        let warm = softmax(&[0.0, 5.0], 100.0).unwrap();
        assert!(warm[1] > 0.5 && warm[1] < 0.52, "{warm:?}");
    }
}
