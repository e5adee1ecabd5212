//! Predictions.

use std::sync::Arc;
use std::time::Duration;

use pet_model::Observation;
use serde::Serialize;

/// The probability of each class.
#[derive(Clone, Debug)]
pub struct Prediction {
    pub(crate) classes: Arc<[String]>,
    pub(crate) logits: Vec<f32>,
    pub(crate) probabilities: Vec<f32>,
    pub(crate) similarity: Option<Similarity>,
    pub(crate) timing: Timing,
}

/// The similarity of a photograph to those that the model was trained on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Similarity {
    /// The cosine similarity to each class, -1 to 1.
    pub(crate) cosines: Vec<f32>,
    /// The largest of them.
    pub(crate) nearest: f32,
    /// The threshold for known photographs.
    pub(crate) least: f64,
}

/// A class with its probability.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Ranked<'a> {
    /// Index of the class.
    pub index: usize,
    /// Name of the class.
    pub class: &'a str,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

/// How long each phase of a prediction took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
    /// The logit of each class, before temperature scaling and softmax.
    pub fn logits(&self) -> &[f32] {
        &self.logits
    }

    /// The probability of each class, in the order of the model's classes: the softmax of the logits
    /// divided by the model's temperature ([`ModelMetadata::temperature`](crate::ModelMetadata)).
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

    /// The `count` most probable classes, the most probable first; ties are in the order of the model's
    /// classes.
    pub fn top_k(&self, count: usize) -> Vec<Ranked<'_>> {
        let classes = self.classes.iter().zip(&self.probabilities).enumerate();
        let mut ranked: Vec<_> = classes
            .map(|(index, (class, &probability))| Ranked { index, class, probability })
            .collect();
        // The sort is stable, so ties keep the order of the classes.
        ranked.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        ranked.truncate(count);
        ranked
    }

    /// Similarity to the nearest class of the training photographs: the cosine similarity between its features and their
    /// mean, -1 to 1. `None` for a model that was exported without class means.
    pub fn similarity(&self) -> Option<f32> {
        self.similarity.as_ref().map(|similarity| similarity.nearest)
    }

    /// Whether the photograph shows one of the classes at all, by its [`similarity`](Self::similarity); otherwise the
    /// probabilities are meaningless. `None` for a model without similarities.
    pub fn is_known(&self) -> Option<bool> {
        self.similarity.as_ref().map(|similarity| f64::from(similarity.nearest) >= similarity.least)
    }

    /// The part of the prediction that is counted to detect drift.
    pub fn observation(&self) -> Observation<'_> {
        let best = self.top_k(1);
        let best = best.first();
        Observation {
            class: best.map_or(0, |best| best.index),
            confidence: best.map_or(0.0, |best| best.probability),
            similarity: self.similarity(),
            cosines: self.similarity.as_ref().map_or(&[], |one| &one.cosines),
        }
    }

    /// How long each phase took.
    pub fn timing(&self) -> Timing {
        self.timing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(probabilities: &[f32]) -> Prediction {
        let classes = (0..probabilities.len()).map(|index| format!("class {index}")).collect();
        Prediction {
            classes,
            logits: probabilities.iter().map(|share| share.ln()).collect(),
            probabilities: probabilities.to_vec(),
            similarity: None,
            timing: Timing::default(),
        }
    }

    #[test]
    fn what_is_like_no_class_is_not_known() {
        let known = |nearest| {
            let similarity = Similarity { cosines: vec![nearest], nearest, least: 0.5 };
            Prediction { similarity: Some(similarity), ..prediction(&[1.0]) }
        };
        assert_eq!(known(0.5).is_known(), Some(true));
        assert_eq!(known(0.499).is_known(), Some(false));
        assert_eq!(known(f32::NAN).is_known(), Some(false));
        assert_eq!(known(0.7).similarity(), Some(0.7));
        assert_eq!(prediction(&[1.0]).is_known(), None);
    }

    #[test]
    fn the_most_probable_come_first() {
        let prediction = prediction(&[0.1, 0.4, 0.1, 0.3, 0.1]);
        assert_eq!(prediction.predicted_class(), "class 1");
        assert!((prediction.confidence() - 0.4).abs() < f32::EPSILON);
        let order =
            |count| prediction.top_k(count).iter().map(|best| best.index).collect::<Vec<_>>();
        assert_eq!(order(3), [1, 3, 0]);
        assert_eq!(order(99), [1, 3, 0, 2, 4]);
        assert!(order(0).is_empty());
    }
}
