//! Hyper-parameters, and the learning rate schedule.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use crate::Error;

/// Which part of the network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FineTune {
    /// Only the head.
    #[default]
    None,
    /// The head and this number of the backbone's last blocks.
    Last(usize),
    /// The whole network.
    All,
}

impl FineTune {
    /// The first trained block of a backbone with this number of blocks: 0 for all, `blocks` for none.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`] if the backbone has too few blocks.
    pub fn first_block(self, blocks: usize) -> Result<usize, Error> {
        match self {
            Self::None => Ok(blocks),
            Self::Last(count) => {
                let first = blocks.checked_sub(count);
                first.ok_or_else(|| Error::InvalidConfiguration {
                    name: "trained blocks",
                    expected: format!("1 to {blocks}"),
                    got: count.to_string(),
                })
            }
            Self::All => Ok(0),
        }
    }
}

/// The learning rate schedule after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// A constant rate.
    Constant,
    /// Cosine annealing to 0 (Loshchilov & Hutter 2017).
    Cosine,
}

impl Schedule {
    /// The factor of the learning rate at step `step` (from 0) of `steps`, with linear warm-up in the first `warm_up`.
    pub(crate) fn share(self, step: u64, steps: u64, warm_up: u64) -> f64 {
        if step < warm_up {
            return (step + 1) as f64 / warm_up as f64;
        }
        match self {
            Self::Constant => 1.0,
            Self::Cosine => {
                let span = steps.saturating_sub(warm_up).max(1) as f64;
                let done = (step - warm_up) as f64 / span;
                0.5 * (1.0 + (PI * done.min(1.0)).cos())
            }
        }
    }
}

/// Hyper-parameters of a training. [`default`](Self::default) is for training the head,
/// [`fine_tuning`](Self::fine_tuning) for more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// The trained part of the network.
    pub fine_tune: FineTune,
    /// Images per step.
    pub batch_size: usize,
    /// Learning rate of the head.
    pub learning_rate: f64,
    /// Learning rate of the backbone.
    pub body_learning_rate: f64,
    /// The schedule of both learning rates.
    pub schedule: Schedule,
    /// Epochs of linear warm-up; may be fractional.
    pub warm_up: f64,
    /// Passes over the training images.
    pub epochs: usize,
    /// Seed of the initial head, the order of images, augmentation, mixup and dropout.
    pub seed: u64,
    /// Share of features set to zero in training, 0 to below 1.
    pub dropout: f64,
    /// Decoupled weight decay (Loshchilov & Hutter 2019) of weights, not of biases and normalization; 0 is Adam.
    pub weight_decay: f64,
    /// Label smoothing (Szegedy et al. 2016, section 7), 0 to below 1.
    pub label_smoothing: f64,
    /// Alpha of mixup (Zhang et al. 2018); 0 turns it off.
    pub mixup: f64,
    /// Decay of the exponential moving average of the weights, 0 to below 1; 0 turns it off. The average is validated and
    /// returned instead of the weights.
    pub average: f64,
    /// Weight of the teachers in the loss, 0 to 1; the rest is for the labels.
    pub teacher_weight: f64,
    /// Temperature of the distillation (Hinton et al. 2015), above 0.
    pub teacher_temperature: f64,
    /// Number of epochs without a better validation accuracy before training stops early; `None` turns it off.
    pub patience: Option<usize>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            fine_tune: FineTune::None,
            batch_size: 32,
            learning_rate: 1e-3,
            body_learning_rate: 0.0,
            schedule: Schedule::Constant,
            warm_up: 0.0,
            epochs: 5,
            seed: 42,
            dropout: 0.2,
            weight_decay: 0.0,
            label_smoothing: 0.0,
            mixup: 0.0,
            average: 0.0,
            teacher_weight: 0.7,
            teacher_temperature: 2.0,
            patience: None,
        }
    }
}

impl Configuration {
    /// Defaults for training more than the head.
    pub fn fine_tuning(fine_tune: FineTune) -> Self {
        Self {
            fine_tune,
            batch_size: 16,
            learning_rate: 1e-3,
            body_learning_rate: 1e-4,
            schedule: Schedule::Cosine,
            warm_up: 0.5,
            epochs: 9,
            weight_decay: 0.01,
            label_smoothing: 0.1,
            average: 0.998,
            ..Self::default()
        }
    }

    /// Checks the ranges of all values.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`] for the first value out of range.
    pub fn check(&self) -> Result<(), Error> {
        let trained = match self.fine_tune {
            FineTune::Last(count) => count,
            FineTune::None | FineTune::All => 1,
        };
        let counts = [
            ("batch size", self.batch_size),
            ("epochs", self.epochs),
            ("trained blocks", trained),
            ("patience", self.patience.unwrap_or(1)),
        ];
        let counts = counts.map(|(name, got)| (name, got > 0, "at least 1", got.to_string()));
        let above_zero = [
            ("learning rate", self.learning_rate),
            ("teacher temperature", self.teacher_temperature),
        ];
        let above_zero = numbers(above_zero, "a number above 0", |got| got > 0.0);
        let from_zero = [
            ("body learning rate", self.body_learning_rate),
            ("warm-up", self.warm_up),
            ("weight decay", self.weight_decay),
            ("mixup", self.mixup),
        ];
        let from_zero = numbers(from_zero, "a number of at least 0", |got| got >= 0.0);
        let shares = [
            ("dropout", self.dropout),
            ("label smoothing", self.label_smoothing),
            ("average", self.average),
        ];
        let shares = numbers(shares, "0 to below 1", |got| (0.0..1.0).contains(&got));
        let whole = [("teacher weight", self.teacher_weight)];
        let whole = numbers(whole, "0 to 1", |got| (0.0..=1.0).contains(&got));
        let checks = counts.into_iter().chain(above_zero).chain(from_zero);
        let mut checks = checks.chain(shares).chain(whole);
        match checks.find(|(_, good, _, _)| !good) {
            None => Ok(()),
            Some((name, _, expected, got)) => {
                Err(Error::InvalidConfiguration { name, expected: expected.into(), got })
            }
        }
    }
}

/// Name of a value, whether it is valid, the valid range and the value.
type Check = (&'static str, bool, &'static str, String);

fn numbers<const N: usize>(
    values: [(&'static str, f64); N],
    expected: &'static str,
    good: impl Fn(f64) -> bool,
) -> [Check; N] {
    let check = |got: f64| got.is_finite() && good(got);
    values.map(|(name, got)| (name, check(got), expected, got.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Spoil = fn(&mut Configuration);

    #[test]
    fn values_that_cannot_work_are_named() {
        let good = Configuration::default();
        assert!(good.check().is_ok());
        assert!(Configuration::fine_tuning(FineTune::All).check().is_ok());
        let bad: [(&str, Spoil); 11] = [
            ("batch size", |bad| bad.batch_size = 0),
            ("epochs", |bad| bad.epochs = 0),
            ("trained blocks", |bad| bad.fine_tune = FineTune::Last(0)),
            ("learning rate", |bad| bad.learning_rate = f64::NAN),
            ("dropout", |bad| bad.dropout = 1.0),
            ("weight decay", |bad| bad.weight_decay = -1.0),
            ("label smoothing", |bad| bad.label_smoothing = 1.0),
            ("mixup", |bad| bad.mixup = f64::INFINITY),
            ("teacher weight", |bad| bad.teacher_weight = 1.1),
            ("teacher temperature", |bad| bad.teacher_temperature = 0.0),
            ("patience", |bad| bad.patience = Some(0)),
        ];
        for (name, spoil) in bad {
            let mut configuration = good.clone();
            spoil(&mut configuration);
            let error = configuration.check().unwrap_err().to_string();
            assert!(error.starts_with(name), "{error}");
        }
    }

    #[test]
    fn blocks_are_counted_from_the_end() {
        let first = |part: FineTune| part.first_block(19).unwrap();
        let parts = [FineTune::None, FineTune::Last(3), FineTune::All];
        assert_eq!(parts.map(first), [19, 16, 0]);
        let error = FineTune::Last(20).first_block(19).unwrap_err().to_string();
        assert_eq!(error, "trained blocks is 20, expected 1 to 19");
    }

    #[test]
    fn it_rises_in_a_line_and_falls_along_a_cosine() {
        let shares: Vec<f64> = (0..=14).map(|step| Schedule::Cosine.share(step, 14, 4)).collect();
        assert_eq!(shares[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        assert!((shares[9] - 0.5).abs() < 1e-12);
        assert!(shares[14].abs() < 1e-12);
        assert!(shares[4..].is_sorted_by(|one, other| one >= other));
        assert!((Schedule::Constant.share(13, 14, 0) - 1.0).abs() < 1e-12);
    }
}
