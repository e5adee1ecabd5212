//! What is told of training while it goes on.

use serde::{Deserialize, Serialize};

/// What one epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// From 0.
    pub epoch: usize,
    /// Mean loss in nats over the training images as they were seen: changed, mixed, with softened labels.
    pub train_loss: f64,
    /// Share of training images classified rightly as they were seen, 0 to 1.
    pub train_acc: f64,
    /// Mean cross-entropy in nats over the validation images after the epoch, if there are any.
    pub val_loss: Option<f64>,
    /// Share of validation images classified rightly after the epoch, 0 to 1, if there are any.
    pub val_acc: Option<f64>,
}

impl EpochMetrics {
    /// Whether its weights are to be kept rather than those of an earlier epoch. Where nothing is validated, they are.
    pub(crate) fn better_than(&self, earlier: &Self) -> bool {
        let score = |metrics: &Self| (metrics.val_acc, metrics.val_loss.map(|loss| -loss));
        self.val_acc.is_none() || score(self) > score(earlier)
    }
}

/// Told of every epoch as it ends.
pub trait Observer {
    /// Called before [`epoch`](Self::epoch) where there are validation images: what the epoch's weights answer to them, one
    /// number for each image and class.
    fn validated(&mut self, _logits: &[Vec<f32>]) {}

    /// Called after each epoch.
    ///
    /// # Errors
    ///
    /// Whatever the observer cannot do; training then stops with [`Error::Observer`](crate::Error::Observer).
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Called with the number of images that were looked at: after each step, and while an epoch is judged. Altogether
    /// they are the epochs times [`Trainer::epoch_images`](crate::Trainer::epoch_images), unless training stops early;
    /// a resumed training begins with those that were done before.
    fn images(&mut self, _count: usize) {}
}
