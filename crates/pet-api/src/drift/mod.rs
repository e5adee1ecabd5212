//! Drift: how far recent photographs differ from those on which the model was measured at export.

mod distance;

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use pet_model::{Observation, Reference};

use self::distance::{index, shift};

/// Largest window, which takes a few megabytes.
const MAX_WINDOW: usize = 10_000;

/// The latest predictions of a model, with its reference. A new model starts with an empty window, since its predictions
/// are not comparable with this reference.
pub(crate) struct Drift {
    reference: Reference,
    size: usize,
    latest: Mutex<VecDeque<Answer>>,
}

/// The stored part of an [`Observation`].
struct Answer {
    class: usize,
    confidence: f32,
    similarity: Option<f32>,
    directions: Box<[f32]>,
}

/// Distances of predictions from a reference; `None` if there is too little data.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Distances {
    /// Population stability index of the predicted classes.
    pub(crate) class_mix: Option<f64>,
    /// That of the confidence.
    pub(crate) confidence: Option<f64>,
    /// That of the similarity to the nearest class.
    pub(crate) similarity: Option<f64>,
    /// Distance of the mean features, in standard deviations.
    pub(crate) features: Option<f64>,
}

impl Drift {
    /// Measures over the latest `size` predictions.
    pub(crate) fn new(reference: Reference, size: usize) -> Self {
        let size = size.clamp(1, MAX_WINDOW);
        Self { reference, size, latest: Mutex::default() }
    }

    /// Adds a prediction.
    pub(crate) fn observe(&self, answer: &Observation<'_>) {
        let answer = Answer {
            class: answer.class,
            confidence: answer.confidence,
            similarity: answer.similarity,
            directions: answer.directions().into(),
        };
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= self.size {
            latest.pop_front();
        }
        latest.push_back(answer);
    }

    /// The number of predictions in the window and their distances from the reference. Takes a fraction of a millisecond,
    /// during which no prediction can be added, so this is done on demand.
    pub(crate) fn measure(&self) -> (usize, Distances) {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let answers: Vec<_> = latest.iter().map(Answer::observation).collect();
        let window = Reference::of(self.reference.classes.len(), &answers);
        (answers.len(), Distances::between(&self.reference, &window))
    }
}

impl Answer {
    fn observation(&self) -> Observation<'_> {
        Observation {
            class: self.class,
            confidence: self.confidence,
            similarity: self.similarity,
            cosines: &self.directions,
        }
    }
}

impl Distances {
    fn between(reference: &Reference, window: &Reference) -> Self {
        let counts = [reference.count(), window.count()];
        Self {
            class_mix: index(&reference.classes, &window.classes),
            confidence: index(&reference.confidence, &window.confidence),
            similarity: index(&reference.similarity, &window.similarity),
            features: shift(&reference.features, &window.features, counts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(class: usize, confidence: f32) -> Observation<'static> {
        Observation { class, confidence, similarity: None, cosines: &[] }
    }

    #[test]
    fn only_the_window_is_measured() {
        let even = |index: usize| answer(index % 4, 0.5);
        let reference: Vec<_> = (0..1000).map(even).collect();
        let drift = Drift::new(Reference::of(4, &reference), 200);
        assert_eq!(drift.measure(), (0, Distances::default()));
        for _ in 0..200 {
            drift.observe(&answer(0, 0.99));
        }
        let (count, distances) = drift.measure();
        assert_eq!(count, 200);
        assert!(distances.class_mix.unwrap() > 1.0, "{distances:?}");
        assert!(distances.confidence.unwrap() > 1.0, "{distances:?}");
        assert_eq!((distances.similarity, distances.features), (None, None));
        (0..200).for_each(|index| drift.observe(&even(index)));
        let (count, distances) = drift.measure();
        assert_eq!(count, 200);
        assert!(distances.class_mix.unwrap() < 0.05, "{distances:?}");
        assert!(distances.confidence.unwrap() < 0.05, "{distances:?}");
    }

    #[test]
    fn window_is_bounded() {
        let drift = Drift::new(Reference::of(1, &[answer(0, 1.0)]), usize::MAX);
        (0..=MAX_WINDOW).for_each(|_| drift.observe(&answer(0, 1.0)));
        assert_eq!(drift.measure().0, MAX_WINDOW);
    }
}
