//! Cross-entropy with label smoothing, mixup and knowledge distillation.

use super::configuration::Configuration;

/// The label of an image: one class, or two after mixup.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) class: usize,
    /// The class and share, at most 0.5, of the image mixed in.
    pub(crate) mixed: Option<(usize, f32)>,
}

impl Target {
    /// The target probability of a class, with `smoothing` spread evenly over all classes (Szegedy et al. 2016,
    /// section 7).
    fn probability(self, class: usize, classes: usize, smoothing: f32) -> f32 {
        let share = self.mixed.map_or(0.0, |(_, share)| share);
        let of = |wanted, share| if wanted == class { share } else { 0.0 };
        let mixed = self.mixed.map_or(0.0, |(other, share)| of(other, share));
        let label = of(self.class, 1.0 - share) + mixed;
        (1.0 - smoothing) * label + smoothing / classes as f32
    }
}

/// The loss of one image.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Cross-entropy in nats.
    pub(crate) loss: f64,
    /// Whether the image is classified correctly.
    pub(crate) right: bool,
}

/// The loss function.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loss {
    smoothing: f32,
    /// Weight of the distillation.
    weight: f32,
    /// Temperature of the distillation.
    pub(crate) temperature: f32,
}

impl Loss {
    pub(crate) fn new(configuration: &Configuration) -> Self {
        Self {
            smoothing: configuration.label_smoothing as f32,
            weight: configuration.teacher_weight as f32,
            temperature: configuration.teacher_temperature as f32,
        }
    }

    /// The cross-entropy or, with the teachers' probabilities `soft_target`,
    ///
    /// (1 − weight) · cross-entropy + weight · temperature² · KL(`soft_target` ‖ softmax(`logits` / temperature))
    ///
    /// (Hinton et al. 2015). The square compensates for gradients that shrink with the temperature. The logits are
    /// replaced by the gradient.
    pub(crate) fn of(
        self,
        logits: &mut [f32],
        target: Target,
        soft_target: Option<&[f32]>,
    ) -> Outcome {
        let Some(soft_target) = soft_target else {
            return cross_entropy(logits, target, self.smoothing);
        };
        let (weight, temperature) = (self.weight, self.temperature);
        let soft = softmax(logits, temperature);
        let mut outcome = cross_entropy(logits, target, self.smoothing);
        let mut divergence = 0.0;
        for ((gradient, got), wanted) in logits.iter_mut().zip(soft).zip(soft_target) {
            *gradient = (1.0 - weight) * *gradient + weight * temperature * (got - wanted);
            if *wanted > 0.0 {
                let ratio = wanted / got.max(f32::MIN_POSITIVE);
                divergence += f64::from(*wanted) * f64::from(ratio).ln();
            }
        }
        let (weight, temperature) = (f64::from(weight), f64::from(temperature));
        outcome.loss = (1.0 - weight) * outcome.loss + weight * temperature.powi(2) * divergence;
        outcome
    }
}

/// The softmax of `logits` divided by `temperature`.
pub(crate) fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let scaled: Vec<f32> = logits.iter().map(|logit| logit / temperature).collect();
    let log_sum = log_sum_exp(&scaled);
    scaled.iter().map(|logit| (logit - log_sum).exp()).collect()
}

/// The cross-entropy of softmax(`logits`). The logits are replaced by the gradient.
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

/// The index of the highest logit, the first of equal ones.
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
        let target = Target { class: 0, mixed: Some((2, 0.3)) };
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
    fn with_teachers_the_gradient_is_the_slope_as_well() {
        let target = Target { class: 0, mixed: Some((2, 0.3)) };
        let soft_target = softmax(&[1.0, 0.5, -2.0], 2.0);
        let configuration = Configuration {
            label_smoothing: 0.1,
            teacher_weight: 0.7,
            teacher_temperature: 2.0,
            ..Configuration::default()
        };
        let loss = Loss::new(&configuration);
        let mut gradient = LOGITS.to_vec();
        loss.of(&mut gradient, target, Some(&soft_target));
        for class in 0..3 {
            let at = |step: f32| {
                let mut logits = LOGITS;
                logits[class] += step;
                loss.of(&mut logits, target, Some(&soft_target)).loss
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            assert!((slope - f64::from(gradient[class])).abs() < 1e-4);
        }
    }

    #[test]
    fn a_student_that_answers_as_its_teachers_do_has_nothing_to_learn_from_them() {
        let configuration = Configuration { teacher_weight: 1.0, ..Configuration::default() };
        let loss = Loss::new(&configuration);
        let target = Target { class: 1, mixed: None };
        let soft_target = softmax(&LOGITS, loss.temperature);
        let mut gradient = LOGITS;
        let outcome = loss.of(&mut gradient, target, Some(&soft_target));
        assert!(outcome.loss.abs() < 1e-6 && !outcome.right);
        assert!(gradient.iter().all(|value| value.abs() < 1e-6));
    }

    #[test]
    fn it_is_the_negative_logarithm_of_the_probability() {
        let target = Target { class: 1, mixed: None };
        let outcome = cross_entropy(&mut LOGITS.to_vec(), target, 0.0);
        let sum: f32 = LOGITS.iter().map(|logit| logit.exp()).sum();
        let probability = LOGITS[1].exp() / sum;
        assert!((outcome.loss + f64::from(probability.ln())).abs() < 1e-6);
        assert!(!outcome.right);
    }
}
