//! Tells the store and the terminal how a training goes on.

use std::collections::BTreeSet;

use pet_data::Progress;
use pet_pipeline::TrackedRun;
use pet_train::{EpochMetrics, Error, Observer};

use crate::failure::Failure;

/// What an observer cannot do.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Hands each epoch to the run and each step to the progress bar.
pub(super) struct Watcher<'a> {
    pub(super) run: &'a mut TrackedRun,
    pub(super) progress: &'a dyn Progress,
    /// Epochs that were logged, also before the run was put aside.
    pub(super) logged: BTreeSet<i64>,
}

impl Observer for Watcher<'_> {
    fn epoch(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        self.progress.message(&format!(
            "epoch {}: train_loss {:.4}, train_acc {:.4}, val_loss {:.4}, val_acc {:.4}",
            metrics.epoch + 1,
            metrics.train_loss,
            metrics.train_acc,
            metrics.val_loss,
            metrics.val_acc
        ));
        self.log(metrics)
    }

    fn images(&mut self, count: usize) {
        self.progress.advance(count as u64);
    }
}

impl Watcher<'_> {
    fn log(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        if self.logged.insert(metrics.epoch as i64) {
            self.run.epoch(metrics)?;
        }
        Ok(())
    }

    /// Logs the epochs of which the store has not heard: a training that is killed may have been put aside a moment
    /// before its last epoch was sent, and is not told of that epoch again.
    pub(super) fn make_up(&mut self, history: &[EpochMetrics]) -> Result<(), Failure> {
        let missed = history.iter().try_for_each(|metrics| self.log(metrics));
        Ok(missed.map_err(|source| Error::Observer { source })?)
    }
}
