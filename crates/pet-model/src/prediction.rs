//! Predictions: their probabilities, and a summary of many that is small enough to be stored in the model.

use serde::{Deserialize, Serialize};

use crate::Error;

/// Number of classes whose moments are stored, so that a reference has a few thousand characters at most.
const DIRECTIONS: usize = 64;

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

/// The part of a prediction that is counted.
#[derive(Clone, Copy, Debug)]
pub struct Observation<'a> {
    /// The index of the most probable class.
    pub class: usize,
    /// Its probability, 0 to 1.
    pub confidence: f32,
    /// The largest of all cosine similarities; `None` for a model without them.
    pub similarity: Option<f32>,
    /// The cosine similarity to each class, -1 to 1; empty for a model without them. Only the first 64 are counted.
    pub cosines: &'a [f32],
}

impl<'a> Observation<'a> {
    /// The cosine similarities whose moments are stored.
    pub fn directions(&self) -> &'a [f32] {
        self.cosines.get(..DIRECTIONS).unwrap_or(self.cosines)
    }
}

/// A summary of a model's predictions on representative images, with which later predictions are compared to detect drift.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Reference {
    /// Name of the images, such as `test`.
    pub images: String,
    /// Whether the model was trained on these images, so that its confidence is higher than on others.
    pub trained_on: bool,
    /// Number of predictions of each class, in the order of the model's classes.
    pub classes: Vec<u32>,
    /// Histogram of the confidence, in [`BINS`](Self::BINS) bins of equal width from 0 to 1.
    pub confidence: Vec<u32>,
    /// Histogram of the similarity to the nearest class, likewise, with negative ones in the first bin; empty for a model
    /// without similarities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub similarity: Vec<u32>,
    /// Moments of the cosine similarities to the first 64 classes; empty for a model without similarities.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub features: Vec<Moments>,
}

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moments {
    /// The mean.
    pub mean: f64,
    /// The population standard deviation.
    pub deviation: f64,
}

impl Reference {
    /// Bins of each histogram, each 0.05 wide.
    pub const BINS: usize = 20;

    /// Counts the predictions of a model with this many classes.
    pub fn of(classes: usize, answers: &[Observation<'_>]) -> Self {
        let similarities = answers.iter().filter_map(|answer| answer.similarity);
        let similarities: Vec<f32> = similarities.collect();
        let mut counts = vec![0; classes];
        for answer in answers {
            if let Some(count) = counts.get_mut(answer.class) {
                *count += 1;
            }
        }
        Self {
            images: String::new(),
            trained_on: false,
            classes: counts,
            confidence: histogram(answers.iter().map(|answer| answer.confidence)),
            similarity: if similarities.is_empty() { Vec::new() } else { histogram(similarities) },
            features: moments(answers),
        }
    }

    /// Sets the name of the images, and whether the model was trained on them.
    #[must_use]
    pub fn with_images(self, images: impl Into<String>, trained_on: bool) -> Self {
        Self { images: images.into(), trained_on, ..self }
    }

    /// Number of images.
    pub fn count(&self) -> u64 {
        self.classes.iter().copied().map(u64::from).sum()
    }

    /// Checks that it fits a model with this many classes.
    pub(crate) fn check(&self, classes: usize) -> Result<(), Error> {
        let (bins, none) = (Self::BINS, 0);
        let fits = |what, got, allowed: &[usize]| match allowed {
            [.., expected] if !allowed.contains(&got) => {
                let expected = *expected;
                Err(Error::InvalidReference { what, expected, got })
            }
            _ => Ok(()),
        };
        fits("classes", self.classes.len(), &[classes])?;
        fits("bins of confidence", self.confidence.len(), &[bins])?;
        fits("bins of similarity", self.similarity.len(), &[none, bins])?;
        let directions = classes.min(DIRECTIONS);
        fits("features", self.features.len(), &[none, directions])
    }
}

/// The histogram of numbers from 0 to 1; others count in the nearest bin, NaN in the first.
fn histogram(shares: impl IntoIterator<Item = f32>) -> Vec<u32> {
    let mut bins = vec![0; Reference::BINS];
    for share in shares {
        // The cast saturates at 0 and turns NaN into 0.
        let bin = (share * Reference::BINS as f32) as usize;
        if let Some(count) = bins.get_mut(bin.min(Reference::BINS - 1)) {
            *count += 1;
        }
    }
    bins
}

/// The moments of each class's similarities.
fn moments(answers: &[Observation<'_>]) -> Vec<Moments> {
    let directions = answers.first().map_or(0, |first| first.directions().len());
    let count = answers.len() as f64;
    let moments = |direction: usize| {
        // The cosine of an all-zero feature vector is NaN.
        let values = answers.iter().map(|answer| {
            let cosine = answer.cosines.get(direction).copied().unwrap_or_default();
            f64::from(if cosine.is_finite() { cosine } else { 0.0 })
        });
        let mean = values.clone().sum::<f64>() / count;
        let variance = values.map(|value| (value - mean).powi(2)).sum::<f64>() / count;
        // Six digits are more than enough.
        let short = |value: f64| (value * 1e6).round() / 1e6;
        Moments { mean: short(mean), deviation: short(variance.sqrt()) }
    };
    (0..directions).map(moments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_softmax_is_stable_and_sums_to_one() {
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

    #[test]
    fn answers_are_counted_by_class_and_bin() {
        let cosines = [[0.5, -0.25], [1.0, 0.25], [-1.0, f32::NAN]];
        let answers = [(0, 0.04, 0), (1, 0.05, 1), (1, 1.0, 2), (1, f32::NAN, 2)];
        let answers = answers.map(|(class, confidence, row)| Observation {
            class,
            confidence,
            similarity: cosines[row].iter().copied().reduce(f32::max),
            cosines: &cosines[row],
        });
        let reference = Reference::of(3, &answers);
        assert_eq!(reference.classes, [1, 3, 0]);
        assert_eq!(reference.count(), 4);
        let of = |bins: &[u32]| -> Vec<(usize, u32)> {
            let counts = bins.iter().copied().enumerate();
            counts.filter(|(_, count)| *count > 0).collect()
        };
        assert_eq!(of(&reference.confidence), [(0, 2), (1, 1), (19, 1)]);
        assert_eq!(of(&reference.similarity), [(0, 2), (10, 1), (19, 1)]);
        let [one, other] = reference.features[..] else { panic!("{:?}", reference.features) };
        assert!((one.mean - -0.125).abs() < 1e-9, "{one:?}");
        assert!((one.deviation - 0.892_679).abs() < 1e-9, "{one:?}");
        assert!(other.mean.abs() < 1e-9, "{other:?}");
    }

    #[test]
    fn a_model_without_similarity_has_no_moments() {
        let answer = Observation { class: 0, confidence: 0.9, similarity: None, cosines: &[] };
        let reference = Reference::of(1, &[answer]);
        assert!(reference.similarity.is_empty() && reference.features.is_empty());
        assert!(reference.check(1).is_ok());
        let error = reference.check(2).unwrap_err().to_string();
        assert_eq!(error, "the model's reference has 1 classes, expected 2");
    }

    #[test]
    fn a_reference_stays_small_whatever_the_number_of_classes() {
        let cosines = vec![0.123_456_7; 1000];
        let answers = vec![
            Observation {
                class: 999,
                confidence: 0.5,
                similarity: Some(0.5),
                cosines: &cosines,
            };
            10
        ];
        let reference = Reference::of(1000, &answers);
        assert_eq!(reference.features.len(), DIRECTIONS);
        assert!(reference.check(1000).is_ok());
        assert!(serde_json::to_string(&reference).unwrap().len() < 6000);
    }
}
