use std::collections::BTreeSet;

use pet_train::{EpochMetrics, Observer};

use crate::error::Error;
use crate::observer::RunObserver;
use crate::tracking::TrackedRun;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Logs epochs to a run and reports progress to an observer.
pub(super) struct EpochRecorder<'a> {
    pub(super) run: &'a mut TrackedRun,
    pub(super) observer: &'a dyn RunObserver,
    /// Logged epochs, including those before an interruption.
    pub(super) logged: BTreeSet<i64>,
}

impl Observer for EpochRecorder<'_> {
    fn epoch(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        let validated = metrics.val_loss.zip(metrics.val_acc);
        let validated = validated
            .map(|(loss, accuracy)| format!(", val_loss {loss:.4}, val_acc {accuracy:.4}"));
        let message = format!(
            "epoch {}: train_loss {:.4}, train_acc {:.4}{}",
            metrics.epoch + 1,
            metrics.train_loss,
            metrics.train_acc,
            validated.unwrap_or_default()
        );
        self.observer.message(&message);
        self.log(metrics)
    }

    fn images(&mut self, count: usize) {
        self.observer.advance(count as u64);
    }
}

impl EpochRecorder<'_> {
    fn log(&mut self, metrics: &EpochMetrics) -> Result<(), Cause> {
        if self.logged.insert(metrics.epoch as i64) {
            self.run.epoch(metrics)?;
        }
        Ok(())
    }

    /// Logs epochs that are missing in the store: a training that was killed between its checkpoint and sending the epoch
    /// does not repeat that epoch.
    pub(super) fn catch_up(&mut self, history: &[EpochMetrics]) -> Result<(), Error> {
        let missed = history.iter().try_for_each(|metrics| self.log(metrics));
        Ok(missed.map_err(|source| pet_train::Error::Observer { source })?)
    }
}
