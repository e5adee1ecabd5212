//! Cross-entropy against softened and mixed labels.

/// What an image shows: one class, or after mixup two with their shares.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) class: usize,
    /// The class of the image mixed in, and that image's share, at most a half.
    pub(crate) mixed: Option<(usize, f32)>,
}

impl Target {
    /// The probability that the network should give to each class, with label smoothing (Szegedy et al. 2016,
    /// section 7): `smoothing` is spread evenly over all classes.
    fn probability(self, class: usize, classes: usize, smoothing: f32) -> f32 {
        let share = self.mixed.map_or(0.0, |(_, share)| share);
        let of = |wanted, share| if wanted == class { share } else { 0.0 };
        let mixed = self.mixed.map_or(0.0, |(other, share)| of(other, share));
        let label = of(self.class, 1.0 - share) + mixed;
        (1.0 - smoothing) * label + smoothing / classes as f32
    }
}

/// What one image contributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Cross-entropy in nats.
    pub(crate) loss: f64,
    /// Whether the class with the highest logit is the target's.
    pub(crate) right: bool,
}

/// The cross-entropy of softmax(`logits`); its gradient takes the logits' place.
pub(crate) fn cross_entropy(logits: &mut [f32], target: Target, smoothing: f32) -> Outcome {
    let right = argmax(logits) == target.class;
    let log_sum = log_sum_exp(logits);
    let classes = logits.len();
    let mut loss = 0.0;
    for (class, logit) in logits.iter_mut().enumerate() {
        let wanted = target.probability(class, classes, smoothing);
        let log_probability = *logit - log_sum;
        loss -= f64::from(wanted) * f64::from(log_probability);
        *logit = log_probability.exp() - wanted;
    }
    Outcome { loss, right }
}

/// ln Σ exp(logit), without overflow.
fn log_sum_exp(logits: &[f32]) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f32 = logits.iter().map(|logit| (logit - largest).exp()).sum();
    largest + sum.ln()
}

/// The first of the highest.
fn argmax(logits: &[f32]) -> usize {
    let mut best = 0;
    for (class, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = class;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGITS: [f32; 3] = [0.5, -1.0, 2.0];

    fn loss(logits: &[f32], target: Target) -> f64 {
        cross_entropy(&mut logits.to_vec(), target, 0.1).loss
    }

    #[test]
    fn the_gradient_is_the_slope() {
        let target = Target {
            class: 0,
            mixed: Some((2, 0.3)),
        };
        let mut gradient = LOGITS.to_vec();
        cross_entropy(&mut gradient, target, 0.1);
        assert!(gradient.iter().sum::<f32>().abs() < 1e-6);
        for class in 0..3 {
            let at = |step: f32| {
                let mut logits = LOGITS;
                logits[class] += step;
                loss(&logits, target)
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[class])).abs() < 1e-4);
        }
    }

    #[test]
    fn it_is_the_negative_logarithm_of_the_probability() {
        let target = Target {
            class: 1,
            mixed: None,
        };
        let outcome = cross_entropy(&mut LOGITS.to_vec(), target, 0.0);
        let sum: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
        let probability = LOGITS[1].exp() / sum;
        assert!((outcome.loss + f64::from(probability.ln())).abs() < 1e-6);
        assert!(!outcome.right);
    }
}
