//! Which learning rate a training should have, before it is run.

use pet_data::{Dataset, Unit};
use pet_train::{RangeTest, RateRange, Trainer};

use super::prepared::{Checked, Prepared};
use super::request::Context;
use crate::check::SamePictures;
use crate::error::Error;
use crate::settings::TrainSettings;

/// Makes a [range test](Trainer::range_test) with these settings on `dataset`, which [`TrainSettings::load`] gives. Nothing
/// is recorded; the store is not opened.
///
/// # Errors
///
/// When the data set, the weights or the cache cannot be used, or as the test.
pub fn test_learning_rates(
    settings: &TrainSettings,
    dataset: Dataset,
    range: &RateRange,
    context: &Context<'_>,
) -> Result<RangeTest, Error> {
    let divide = |dataset: &Dataset, same: &SamePictures| Ok(vec![settings.split(dataset, same)?]);
    let prepared = Checked::new(settings, dataset, context, divide)?.prepare()?;
    let one = prepared.into_iter().next();
    let Prepared {
        dataset, inputs, ..
    } = one.ok_or(pet_train::Error::NoImages { split: "training" })?;
    let (classes, train) = (dataset.classes.len(), inputs.train.as_ref());
    let trainer = Trainer::new(&inputs.weights, classes, train, &settings.configuration)
        .with_validation(inputs.validation.as_deref())
        .with_interrupt(&context.interrupt);
    let (observer, steps) = (context.observer, range.steps as u64);
    Ok(pet_data::task(
        observer,
        "learning rates",
        steps,
        Unit::Steps,
        || trainer.range_test(range, || observer.advance(1)),
    )?)
}
