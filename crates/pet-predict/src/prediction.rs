//! What the model says of a photograph.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

/// The probability of each class.
#[derive(Clone, Debug)]
pub struct Prediction {
    classes: Arc<[String]>,
    probabilities: Vec<f32>,
    timing: Timing,
}

/// One class in the order of probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ranked<'a> {
    /// Number of the class, from 0.
    pub index: usize,
    /// Name of the class.
    pub class: &'a str,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

/// How long each phase of a prediction took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// From the file's bytes to pixels.
    pub decode: Duration,
    /// From pixels to the model's input.
    pub preprocess: Duration,
    /// Running the model.
    pub inference: Duration,
}

impl Timing {
    /// All phases together.
    pub fn total(&self) -> Duration {
        self.decode + self.preprocess + self.inference
    }
}

impl Prediction {
    pub(crate) fn new(classes: Arc<[String]>, probabilities: Vec<f32>, timing: Timing) -> Self {
        Self {
            classes,
            probabilities,
            timing,
        }
    }

    /// The probability of each class, in the order of the model's classes; they sum to 1.
    pub fn probabilities(&self) -> &[f32] {
        &self.probabilities
    }

    /// Names of the classes, in the same order.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// Name of the most probable class.
    pub fn predicted_class(&self) -> &str {
        self.top_k(1).first().map_or("", |best| best.class)
    }

    /// Probability of the most probable class, 0 to 1.
    pub fn confidence(&self) -> f32 {
        self.top_k(1).first().map_or(0.0, |best| best.probability)
    }

    /// The `count` most probable classes, the most probable first; of equal ones the first of the
    /// model's classes first.
    pub fn top_k(&self, count: usize) -> Vec<Ranked<'_>> {
        let classes = self.classes.iter().zip(&self.probabilities).enumerate();
        let mut ranked: Vec<_> = classes
            .map(|(index, (class, &probability))| Ranked {
                index,
                class,
                probability,
            })
            .collect();
        // The sort is stable, so that equal probabilities keep the order of the classes.
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        ranked.truncate(count);
        ranked
    }

    /// How long each phase took.
    pub fn timing(&self) -> Timing {
        self.timing
    }
}

/// `exp(logit) / sum(exp(logits))`. The largest logit is taken off first, which changes nothing but
/// keeps every exponential within 0..=1. `None` when a logit is not finite.
pub(crate) fn softmax(logits: &[f32]) -> Option<Vec<f32>> {
    if logits.is_empty() || logits.iter().any(|logit| !logit.is_finite()) {
        return None;
    }
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponential = |&logit: &f32| (f64::from(logit) - f64::from(largest)).exp();
    let sum: f64 = logits.iter().map(exponential).sum();
    Some(
        logits
            .iter()
            .map(|logit| (exponential(logit) / sum) as f32)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(probabilities: &[f32]) -> Prediction {
        let classes = (0..probabilities.len())
            .map(|index| format!("class {index}"))
            .collect();
        Prediction::new(classes, probabilities.to_vec(), Timing::default())
    }

    #[test]
    fn softmax_is_stable_and_sums_to_one() {
        let small = softmax(&[1.0, 2.0, 3.0]).unwrap();
        let large = softmax(&[10_001.0, 10_002.0, 10_003.0]).unwrap();
        for (small, expected) in small.iter().zip([0.090_030_57, 0.244_728_48, 0.665_240_94]) {
            assert!((small - expected).abs() < 1e-7, "{small} {expected}");
        }
        assert_eq!(small, large);
        assert_eq!(softmax(&[f32::MAX, f32::MIN]).unwrap(), [1.0, 0.0]);
        assert_eq!(softmax(&[0.0, f32::NAN]), None);
        assert_eq!(softmax(&[0.0, f32::INFINITY]), None);
        assert_eq!(softmax(&[]), None);
    }

    #[test]
    fn the_most_probable_come_first() {
        let prediction = prediction(&[0.1, 0.4, 0.1, 0.3, 0.1]);
        assert_eq!(prediction.predicted_class(), "class 1");
        assert!((prediction.confidence() - 0.4).abs() < f32::EPSILON);
        let order = |count| {
            prediction
                .top_k(count)
                .iter()
                .map(|best| best.index)
                .collect::<Vec<_>>()
        };
        assert_eq!(order(3), [1, 3, 0]);
        assert_eq!(order(99), [1, 3, 0, 2, 4]);
        assert!(order(0).is_empty());
    }
}
