use pet_data::{Dataset, Unit};
use pet_train::{RangeTest, RateRange, Trainer};

use super::prepared::{Checked, Prepared};
use super::request::Context;
use crate::check::DuplicateImages;
use crate::error::Error;
use crate::settings::TrainSettings;

/// Runs a learning rate [range test](Trainer::range_test) on `dataset`, which is loaded with [`TrainSettings::load`],
/// without recording a run.
///
/// # Errors
///
/// When the data set, the weights or the cache cannot be used, or as [`Trainer::range_test`].
pub fn test_learning_rates(
    settings: &TrainSettings,
    dataset: Dataset,
    range: &RateRange,
    context: &Context<'_>,
) -> Result<RangeTest, Error> {
    let split = |dataset: &Dataset, duplicates: &DuplicateImages| {
        Ok(vec![settings.split(dataset, duplicates)?])
    };
    let prepared = Checked::new(settings, dataset, context, split)?.prepare()?;
    let one = prepared.into_iter().next();
    let Prepared { dataset, inputs, .. } =
        one.ok_or(pet_train::Error::NoImages { split: "training" })?;
    let (classes, train) = (dataset.classes.len(), inputs.train.as_ref());
    let trainer = Trainer::new(&inputs.weights, classes, train, &settings.configuration)
        .with_validation(inputs.validation.as_deref())
        .with_interrupt(&context.interrupt);
    let (observer, steps) = (context.observer, range.steps as u64);
    Ok(pet_data::task(observer, "learning rates", steps, Unit::Steps, || {
        trainer.range_test(range, || observer.advance(1))
    })?)
}
