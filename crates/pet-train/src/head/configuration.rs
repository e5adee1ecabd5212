//! Hyper-parameters.

use serde::{Deserialize, Serialize};

use crate::Error;

/// How the head is trained. The defaults are those of the project that this one replaces, with torchvision's dropout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HeadConfiguration {
    /// Images in one step.
    pub batch_size: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Passes over the training images.
    pub epochs: usize,
    /// Seed of the initial weights, the order of images and dropout.
    pub seed: u64,
    /// Share of features set to zero while training, 0 to below 1.
    pub dropout: f64,
    /// Decoupled weight decay (Loshchilov & Hutter 2019); 0 is plain Adam.
    pub weight_decay: f64,
    /// Stop after this many epochs without a better validation accuracy; `None` never stops early.
    pub patience: Option<usize>,
}

impl Default for HeadConfiguration {
    fn default() -> Self {
        Self {
            batch_size: 32,
            learning_rate: 1e-3,
            epochs: 5,
            seed: 42,
            dropout: 0.2,
            weight_decay: 0.0,
            patience: None,
        }
    }
}

impl HeadConfiguration {
    /// # Errors
    ///
    /// [`Error::InvalidConfiguration`] naming the first value that cannot work.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |name, expected, got: String| {
            Err(Error::InvalidConfiguration {
                name,
                expected,
                got,
            })
        };
        if self.batch_size == 0 {
            return refuse("batch size", "at least 1", self.batch_size.to_string());
        }
        if self.epochs == 0 {
            return refuse("epochs", "at least 1", self.epochs.to_string());
        }
        if !(self.learning_rate.is_finite() && self.learning_rate > 0.0) {
            return refuse(
                "learning rate",
                "a number above 0",
                self.learning_rate.to_string(),
            );
        }
        if !(0.0..1.0).contains(&self.dropout) {
            return refuse("dropout", "0 to below 1", self.dropout.to_string());
        }
        if !(self.weight_decay.is_finite() && self.weight_decay >= 0.0) {
            return refuse(
                "weight decay",
                "a number of at least 0",
                self.weight_decay.to_string(),
            );
        }
        if self.patience == Some(0) {
            return refuse("patience", "at least 1", "0".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_work_are_named() {
        let good = HeadConfiguration::default();
        assert!(good.check().is_ok());
        for (bad, name) in [
            (
                HeadConfiguration {
                    batch_size: 0,
                    ..good.clone()
                },
                "batch size",
            ),
            (
                HeadConfiguration {
                    epochs: 0,
                    ..good.clone()
                },
                "epochs",
            ),
            (
                HeadConfiguration {
                    learning_rate: f64::NAN,
                    ..good.clone()
                },
                "learning rate",
            ),
            (
                HeadConfiguration {
                    dropout: 1.0,
                    ..good.clone()
                },
                "dropout",
            ),
            (
                HeadConfiguration {
                    weight_decay: -1.0,
                    ..good.clone()
                },
                "weight decay",
            ),
            (
                HeadConfiguration {
                    patience: Some(0),
                    ..good.clone()
                },
                "patience",
            ),
        ] {
            assert!(bad.check().unwrap_err().to_string().contains(name));
        }
    }
}
