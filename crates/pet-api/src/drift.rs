//! Drift: how far recent photographs differ from those on which the model was measured at export.
//!
//! For counts, the distance is the population stability index, `Σ (p − q) ln(p / q)` over the bins' shares in both samples:
//! the sum of both Kullback-Leibler divergences, symmetric, 0 for equal shares, and with established limits: above 0.1 a
//! moderate and above 0.25 a large change. With enough traffic, a p-value would call any small difference significant,
//! whereas the index measures its size.
//!
//! Two samples of the same photographs differ by chance. Where nothing has changed, the index of samples of sizes `m` and
//! `n` over `k` bins is distributed as `χ²` with `k − 1` degrees of freedom, times `1/m + 1/n` (Yurdakul, "Statistical
//! Properties of Population Stability Index", 2018). With 37 classes, 1,480 images and 200 photographs its mean is 0.20:
//! nearly the limit. So the mean is subtracted, and there is an index only when its standard deviation,
//! `√(2 (k − 1)) (1/m + 1/n)`, is at most a quarter of the limit: for 37 classes and those images from 150 photographs on.

use std::collections::VecDeque;

use parking_lot::Mutex;
use pet_model::{Moments, Observation, Reference};

/// Largest window, which takes a few megabytes.
const MAX_WINDOW: usize = 10_000;

/// An index above this is called a large change.
const LARGE: f64 = 0.25;

/// Half a standard deviation between means is called a medium effect (Cohen, "Statistical Power Analysis for the
/// Behavioral Sciences", 1988).
const MEDIUM: f64 = 0.5;

/// Without a change, an index is at least this many standard deviations below its limit.
const CERTAINTY: f64 = 4.0;

/// Added to every bin of both samples, so that there is no division by zero: Jeffreys' prior.
const PRIOR: f64 = 0.5;

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
    pub(crate) fn new(reference: Reference, size: usize) -> Self {
        let size = size.clamp(1, MAX_WINDOW);
        Self { reference, size, latest: Mutex::default() }
    }

    pub(crate) fn observe(&self, answer: &Observation<'_>) {
        let answer = Answer {
            class: answer.class,
            confidence: answer.confidence,
            similarity: answer.similarity,
            directions: answer.directions().into(),
        };
        let mut latest = self.latest.lock();
        if latest.len() >= self.size {
            latest.pop_front();
        }
        latest.push_back(answer);
    }

    /// The number of predictions in the window and their distances from the reference. Takes a fraction of a millisecond,
    /// during which no prediction can be added, so this is done on demand.
    pub(crate) fn measure(&self) -> (usize, Distances) {
        let latest = self.latest.lock();
        let answers: Vec<_> = latest.iter().map(Answer::observation).collect();
        let reference = &self.reference;
        let window = Reference::of(reference.classes.len(), &answers);
        let counts = [reference.count(), window.count()];
        let distances = Distances {
            class_mix: index(&reference.classes, &window.classes),
            confidence: index(&reference.confidence, &window.confidence),
            similarity: index(&reference.similarity, &window.similarity),
            features: shift(&reference.features, &window.features, counts),
        };
        (answers.len(), distances)
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

/// The population stability index of counts in the same bins, less its mean without a change; at least 0. `None` for
/// samples that are too small or have different bins.
fn index(reference: &[u32], sample: &[u32]) -> Option<f64> {
    if reference.len() != sample.len() {
        return None;
    }
    let pairs = reference.iter().copied().zip(sample.iter().copied());
    // Bins that are empty in both samples do not count.
    let used: Vec<_> = pairs.filter(|pair| *pair != (0, 0)).collect();
    let sum = |count: fn(&(u32, u32)) -> u32| used.iter().map(count).map(f64::from).sum::<f64>();
    let (all, some) = (sum(|pair| pair.0), sum(|pair| pair.1));
    if all < 1.0 || some < 1.0 {
        return None;
    }
    let (bins, chance) = (used.len() as f64, 1.0 / all + 1.0 / some);
    let deviation = (2.0 * (bins - 1.0)).sqrt() * chance;
    if deviation > LARGE / CERTAINTY {
        return None;
    }
    let share = |count: u32, total: f64| (f64::from(count) + PRIOR) / (total + PRIOR * bins);
    let terms = used.iter().map(|&(one, other)| {
        let (one, other) = (share(one, all), share(other, some));
        (other - one) * (other / one).ln()
    });
    Some((terms.sum::<f64>() - (bins - 1.0) * chance).max(0.0))
}

/// The distance of the means in standard deviations of the reference, as the root mean square over all dimensions, less its
/// mean without a change; at least 0. `counts` are the sizes of the two samples. `None` for samples that are too small or
/// have no dimensions.
fn shift(reference: &[Moments], sample: &[Moments], counts: [u64; 2]) -> Option<f64> {
    if counts.contains(&0) || reference.len() != sample.len() {
        return None;
    }
    // The variance of a difference of means, in units of that of one number.
    let chance: f64 = counts.iter().map(|&count| 1.0 / count as f64).sum();
    if chance.sqrt() > MEDIUM / CERTAINTY {
        return None;
    }
    let pairs = reference.iter().zip(sample);
    // A dimension without variance has no unit.
    let squares = pairs.filter(|(one, _)| one.deviation > 0.0);
    let squares = squares.map(|(one, other)| ((other.mean - one.mean) / one.deviation).powi(2));
    let squares: Vec<f64> = squares.collect();
    if squares.is_empty() {
        return None;
    }
    let mean = squares.iter().sum::<f64>() / squares.len() as f64;
    Some((mean - chance).max(0.0).sqrt())
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

    /// Counts of uniform draws, by a Lehmer generator.
    fn draws(seed: u64, classes: usize, count: usize) -> Vec<u32> {
        let mut state = seed * 2 + 1;
        let mut counts = vec![0; classes];
        for _ in 0..count {
            state = state * 48_271 % 2_147_483_647;
            counts[state as usize % classes] += 1;
        }
        counts
    }

    #[test]
    fn index_without_a_change_stays_below_the_limit() {
        let indices = (1..400).map(|seed| {
            let reference = draws(seed, 37, 1480);
            index(&reference, &draws(seed + 1000, 37, 200)).unwrap()
        });
        let indices: Vec<f64> = indices.collect();
        let largest = indices.iter().copied().fold(0.0, f64::max);
        assert!(largest < 0.25, "{largest}");
        let above = indices.iter().filter(|&&index| index > 0.1).count();
        assert!(above < 24, "{above} of 399 above 0.1");
        let zeros = indices.iter().filter(|&&index| index < 1e-9).count();
        assert!((100..300).contains(&zeros), "{zeros} of 399 are 0");
    }

    #[test]
    fn index_of_a_changed_class_mix() {
        let mut single = vec![0; 37];
        single[5] = 200;
        let far = index(&draws(1, 37, 1480), &single).unwrap();
        assert!(far > 3.0, "{far}");
        // Twice as many of a third of the classes.
        let tilted: Vec<u32> = (0..37).map(|class| if class < 12 { 54 } else { 27 }).collect();
        let near = index(&draws(1, 37, 1480), &tilted).unwrap();
        assert!((0.05..0.25).contains(&near), "{near}");
    }

    #[test]
    fn samples_that_are_too_small_have_no_index() {
        let reference = draws(1, 37, 1480);
        assert!(index(&reference, &draws(2, 37, 140)).is_none());
        assert!(index(&reference, &draws(2, 37, 160)).is_some());
        assert!(index(&draws(1, 37, 100), &draws(2, 37, 10_000)).is_none());
        assert!(index(&reference, &[0; 37]).is_none());
        assert!(index(&reference, &draws(2, 36, 500)).is_none());
        assert!(index(&[], &[]).is_none());
        assert_eq!(index(&[500, 0], &[500, 0]), Some(0.0));
    }

    #[test]
    fn means_are_compared_in_standard_deviations() {
        let moments = |mean| Moments { mean, deviation: 0.2 };
        let still = Moments::default();
        let reference = [moments(0.5), moments(0.1), still];
        let far = [moments(0.7), moments(-0.1), still];
        let got = shift(&reference, &far, [1000, 1000]).unwrap();
        assert!((got - (1.0_f64 - 0.002).sqrt()).abs() < 1e-9, "{got}");
        assert_eq!(shift(&reference, &reference, [1000, 1000]), Some(0.0));
        assert_eq!(shift(&reference, &far, [1000, 60]), None);
        assert_eq!(shift(&reference, &far, [1000, 0]), None);
        assert_eq!(shift(&[still], &[still], [1000, 1000]), None);
        assert_eq!(shift(&[], &[], [1000, 1000]), None);
    }
}
