//! Following a long-running work, and stopping it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};

use crate::Error;

/// The metrics of one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochMetrics {
    /// The epoch, from 0.
    pub epoch: usize,
    /// Mean loss in nats over the training images, with augmentation, mixup, label smoothing and distillation.
    pub train_loss: f64,
    /// Accuracy on the training images with augmentation, 0 to 1.
    pub train_acc: f64,
    /// Mean cross-entropy in nats over the validation images after the epoch, if any.
    pub val_loss: Option<f64>,
    /// Accuracy on the validation images after the epoch, 0 to 1, if any.
    pub val_acc: Option<f64>,
}

impl EpochMetrics {
    /// Whether this epoch is better than an earlier one. Without validation, later epochs are better.
    pub(crate) fn better_than(&self, earlier: &Self) -> bool {
        let score = |metrics: &Self| (metrics.val_acc, metrics.val_loss.map(|loss| -loss));
        self.val_acc.is_none() || score(self) > score(earlier)
    }
}

/// Receives the progress of a training.
pub trait Observer {
    /// Called before [`epoch`](Self::epoch), if there are validation images, with their logits `[images, classes]`.
    fn validated(&mut self, _logits: &[Vec<f32>]) {}

    /// Called after each epoch.
    ///
    /// # Errors
    ///
    /// An error stops the training with [`Error::Observer`].
    fn epoch(
        &mut self,
        metrics: &EpochMetrics,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

    /// Called with the number of processed images after each step, and during validation. Unless training stops early,
    /// the sum is the number of epochs times [`Trainer::epoch_images`](crate::Trainer::epoch_images). A resumed training
    /// first reports the images processed before.
    fn images(&mut self, _count: usize) {}
}

/// Ignores the progress.
impl Observer for () {
    fn epoch(&mut self, _: &EpochMetrics) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }
}

/// A flag shared by a signal handler, which sets it, and long-running work, which checks it often.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Requests the work to stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Checks whether the work shall go on.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] after [`set`](Self::set).
    pub fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}
