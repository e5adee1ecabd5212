//! Training: an [`Experiment`] prepares images and trains tracked runs on them.

mod checkpoint;
mod experiment;
mod folds;
mod inputs;
mod prepared;
mod record;
mod request;

use pet_data::{Dataset, Unit};
use pet_train::{RangeTest, RateRange};

use self::prepared::Checked;
use crate::error::Error;
use crate::settings::TrainSettings;

pub use checkpoint::InterruptedRun;
pub use experiment::Experiment;
pub use folds::CrossValidation;
pub use request::{Context, FailedRun, FinishedRun, RunOutcome, RunRequest};

/// Runs a learning rate [range test](pet_train::Trainer::range_test) on `dataset`, which is loaded with
/// [`TrainSettings::load`], without recording a run.
///
/// # Errors
///
/// When the data set, the weights or the cache cannot be used, or as
/// [`Trainer::range_test`](pet_train::Trainer::range_test).
pub fn test_learning_rates(
    settings: &TrainSettings,
    dataset: Dataset,
    range: &RateRange,
    context: &Context<'_>,
) -> Result<RangeTest, Error> {
    let prepared = Checked::new(settings, dataset, context, None)?.prepare()?;
    let one = prepared.first().ok_or(pet_train::Error::NoImages { split: "training" })?;
    let trainer = one.trainer(&settings.configuration, &context.interrupt);
    let (observer, steps) = (context.observer, range.steps as u64);
    Ok(pet_data::task(observer, "learning rates", steps, Unit::Steps, || {
        trainer.range_test(range, || observer.advance(1))
    })?)
}
