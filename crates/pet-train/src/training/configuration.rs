//! Hyper-parameters.

use serde::{Deserialize, Serialize};

use super::schedule::Schedule;
use crate::Error;

/// How much of the network is trained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FineTune {
    /// The head alone.
    #[default]
    None,
    /// The head and this many of the backbone's blocks, counted from its end.
    Last(usize),
    /// Everything.
    All,
}

impl FineTune {
    /// The first block that is trained of a backbone that has so many: 0 for all, `blocks` for none.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`] when the backbone has fewer blocks than are to be trained.
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

/// How the network is trained. The defaults train the head as the project that this one replaces does, with
/// torchvision's dropout; [`fine_tuning`](Self::fine_tuning) has the defaults for more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// How much of the network is trained.
    pub fine_tune: FineTune,
    /// Images in one step.
    pub batch_size: usize,
    /// Adam's step size for the head.
    pub learning_rate: f64,
    /// Adam's step size for the backbone.
    pub body_learning_rate: f64,
    /// The course of both step sizes.
    pub schedule: Schedule,
    /// Epochs, also a part of one, in which the step sizes rise to their full height.
    pub warm_up: f64,
    /// Passes over the training images.
    pub epochs: usize,
    /// Seed of the initial weights, the order of images, their changes and dropout.
    pub seed: u64,
    /// Share of features set to zero while training, 0 to below 1.
    pub dropout: f64,
    /// Decoupled weight decay (Loshchilov & Hutter 2019) of the weights, not of biases and normalization; 0 is plain
    /// Adam.
    pub weight_decay: f64,
    /// Probability spread over all classes (Szegedy et al. 2016, section 7), 0 to below 1.
    pub label_smoothing: f64,
    /// Parameter of the beta distribution that images are mixed with (Zhang et al. 2018); 0 mixes none.
    pub mixup: f64,
    /// Share that the running average of the weights keeps at each step, 0 to below 1; 0 keeps no average. The
    /// average is what is validated and kept.
    pub average: f64,
    /// Stop after this many epochs without a better validation accuracy; `None` never stops early.
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

    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`] naming the first value that cannot work.
    pub fn check(&self) -> Result<(), Error> {
        let trained = match self.fine_tune {
            FineTune::Last(count) => count,
            FineTune::None | FineTune::All => 1,
        };
        let at_least_one = "at least 1";
        let share = "0 to below 1";
        let number = "a number of at least 0";
        let is_share = |value: f64| (0.0..1.0).contains(&value);
        let is_number = |value: f64| value.is_finite() && value >= 0.0;
        let rates = self.learning_rate.is_finite() && self.learning_rate > 0.0;
        let checks = [
            (
                "batch size",
                self.batch_size > 0,
                at_least_one,
                self.batch_size.to_string(),
            ),
            (
                "epochs",
                self.epochs > 0,
                at_least_one,
                self.epochs.to_string(),
            ),
            (
                "trained blocks",
                trained > 0,
                at_least_one,
                trained.to_string(),
            ),
            (
                "learning rate",
                rates,
                "a number above 0",
                self.learning_rate.to_string(),
            ),
            (
                "body learning rate",
                is_number(self.body_learning_rate),
                number,
                self.body_learning_rate.to_string(),
            ),
            (
                "warm-up",
                is_number(self.warm_up),
                number,
                self.warm_up.to_string(),
            ),
            (
                "dropout",
                is_share(self.dropout),
                share,
                self.dropout.to_string(),
            ),
            (
                "weight decay",
                is_number(self.weight_decay),
                number,
                self.weight_decay.to_string(),
            ),
            (
                "label smoothing",
                is_share(self.label_smoothing),
                share,
                self.label_smoothing.to_string(),
            ),
            (
                "mixup",
                is_number(self.mixup),
                number,
                self.mixup.to_string(),
            ),
            (
                "average",
                is_share(self.average),
                share,
                self.average.to_string(),
            ),
            (
                "patience",
                self.patience != Some(0),
                at_least_one,
                "0".into(),
            ),
        ];
        match checks.into_iter().find(|(_, good, _, _)| !good) {
            None => Ok(()),
            Some((name, _, expected, got)) => Err(Error::InvalidConfiguration {
                name,
                expected: expected.into(),
                got,
            }),
        }
    }
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
        let bad: [(&str, Spoil); 9] = [
            ("batch size", |bad| bad.batch_size = 0),
            ("epochs", |bad| bad.epochs = 0),
            ("trained blocks", |bad| bad.fine_tune = FineTune::Last(0)),
            ("learning rate", |bad| bad.learning_rate = f64::NAN),
            ("dropout", |bad| bad.dropout = 1.0),
            ("weight decay", |bad| bad.weight_decay = -1.0),
            ("label smoothing", |bad| bad.label_smoothing = 1.0),
            ("mixup", |bad| bad.mixup = f64::INFINITY),
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
}
