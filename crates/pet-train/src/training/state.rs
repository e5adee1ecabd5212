//! The state of a training, as saved in checkpoints.

use serde::{Deserialize, Serialize};

use super::layout::Layout;
use super::observer::EpochMetrics;
use super::optimizer::AdamW;
use super::{Configuration, loss::Outcome};

/// The state between two steps.
pub(crate) struct State {
    pub(crate) values: Vec<f32>,
    /// The moving average of the values; empty if turned off.
    pub(crate) average: Vec<f32>,
    pub(crate) optimizer: AdamW,
    pub(crate) progress: Progress,
    /// The validated values of the best epoch; empty before the first.
    pub(crate) best: Vec<f32>,
}

/// The progress of a training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Progress {
    /// Finished batches of the current epoch.
    pub(crate) batches: usize,
    /// Sum of the losses in the current epoch.
    pub(crate) loss: f64,
    /// Correctly classified images in the current epoch.
    pub(crate) right: usize,
    /// Finished epochs.
    pub(crate) history: Vec<EpochMetrics>,
    pub(crate) best: Option<EpochMetrics>,
}

impl Progress {
    /// The current epoch, from 0.
    pub(crate) fn epoch(&self) -> usize {
        self.history.len()
    }

    pub(crate) fn batch_done(&mut self, outcomes: &[Outcome]) {
        self.batches += 1;
        self.loss += outcomes.iter().map(|outcome| outcome.loss).sum::<f64>();
        self.right += outcomes.iter().filter(|outcome| outcome.right).count();
    }

    pub(crate) fn epoch_done(&mut self, metrics: EpochMetrics) {
        self.history.push(metrics);
        (self.batches, self.loss, self.right) = (0, 0.0, 0);
    }

    pub(crate) fn is_over(&self, configuration: &Configuration) -> bool {
        let stopped =
            configuration.patience.is_some_and(|patience| self.epochs_without_gain() >= patience);
        stopped || self.epoch() >= configuration.epochs
    }

    /// The number of epochs since the highest validation accuracy was first reached. The best epoch may be later: among
    /// equal accuracies it has the lowest loss.
    fn epochs_without_gain(&self) -> usize {
        let mut highest = None;
        let mut raised = 0;
        for epoch in &self.history {
            if epoch.val_acc > highest {
                (highest, raised) = (epoch.val_acc, epoch.epoch);
            }
        }
        self.epoch().saturating_sub(raised + 1)
    }
}

impl State {
    pub(crate) fn new(values: Vec<f32>, layout: &Layout, configuration: &Configuration) -> Self {
        let average = if configuration.average > 0.0 { values.clone() } else { Vec::new() };
        Self {
            values,
            average,
            optimizer: AdamW::new(layout, configuration.weight_decay),
            progress: Progress::default(),
            best: Vec::new(),
        }
    }

    /// Updates the moving average, with a smaller decay in the first steps.
    pub(crate) fn update_average(&mut self, decay: f64) {
        let steps = self.optimizer.steps as f64;
        let kept = decay.min((1.0 + steps) / (10.0 + steps)) as f32;
        for (average, value) in self.average.iter_mut().zip(&self.values) {
            *average = kept * *average + (1.0 - kept) * value;
        }
    }

    /// The values to validate and return.
    pub(crate) fn validated(&self) -> &[f32] {
        if self.average.is_empty() { &self.values } else { &self.average }
    }
}
