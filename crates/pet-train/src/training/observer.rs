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
    /// Mean cross-entropy in nats over the validation images after the epoch.
    pub val_loss: f64,
    /// Share of validation images classified rightly after the epoch, 0 to 1.
    pub val_acc: f64,
}

impl EpochMetrics {
    pub(crate) fn better_than(&self, other: &Self) -> bool {
        (self.val_acc, -self.val_loss) > (other.val_acc, -other.val_loss)
    }
}

/// Told of every epoch as it ends.
pub trait Observer {
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
