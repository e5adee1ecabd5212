//! Preparation of a training.

use std::sync::Arc;

use pet_data::{Dataset, Split};
use pet_image::Preprocess;
use pet_train::Weights;

use super::images::{Identity, split_dataset};
use super::inputs::{Preparation, TrainingInputs};
use super::request::Context;
use super::teachers::Teachers;
use crate::check::DuplicateImages;
use crate::error::Error;
use crate::settings::TrainSettings;

/// Settings and a data set after all checks that are possible without reading images.
pub(super) struct Checked<'a, SplitFn> {
    settings: &'a TrainSettings,
    context: &'a Context<'a>,
    /// Splits the data set, given its duplicates.
    split: SplitFn,
    dataset: Dataset,
    identity: Identity,
    train_recipe: Preprocess,
    teachers: Teachers,
    backbone: Weights,
}

/// A split that is ready for training.
pub(super) struct Prepared {
    pub(super) dataset: Arc<Dataset>,
    pub(super) identity: Identity,
    pub(super) inputs: TrainingInputs,
    /// The SHA-256 of the teachers' files.
    pub(super) teachers: Vec<String>,
}

impl<'a, SplitFn: Fn(&Dataset, &DuplicateImages) -> Result<Vec<Split>, Error>>
    Checked<'a, SplitFn>
{
    pub(super) fn new(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        split: SplitFn,
    ) -> Result<Self, Error> {
        let train_recipe = settings.train_recipe()?;
        let identity = Identity::of_data_set(&dataset)?;
        identity.check_refit(settings.refit.as_ref())?;
        let (folders, libraries) = (&settings.teachers, &context.libraries);
        let teachers = Teachers::load(folders, libraries, &dataset.classes)?;
        let backbone = Weights::open(&settings.backbone)?.without_head();
        settings.check_normalization(backbone.architecture())?;
        // Fails early if the data set cannot be split.
        split(&dataset, &DuplicateImages::default())?;
        Ok(Self { settings, context, split, dataset, identity, train_recipe, teachers, backbone })
    }

    /// Computes the features of the frozen layers for each split.
    pub(super) fn prepare(self) -> Result<Vec<Prepared>, Error> {
        let Self { settings, context, split, mut dataset, identity, .. } = self;
        let splits = split_dataset(settings, &mut dataset, &identity.digest, context, split)?;
        let identity = identity.with_added(&dataset)?;
        identity.check_refit_added(settings.refit.as_ref())?;
        context.observer.message(&summary(&dataset, &splits));
        let dataset = Arc::new(dataset);
        let prepared = |split| {
            let preparation = Preparation {
                settings,
                context,
                backbone: self.backbone.clone(),
                dataset: &dataset,
                split,
                train_recipe: self.train_recipe.clone(),
                teachers: self.teachers.models.clone(),
                files: Arc::clone(&identity.files),
            };
            Ok(Prepared {
                inputs: preparation.inputs()?,
                teachers: self.teachers.digests.clone(),
                identity: identity.clone(),
                dataset: Arc::clone(&dataset),
            })
        };
        splits.into_iter().map(prepared).collect()
    }
}

/// Describes the data set and its splits.
fn summary(dataset: &Dataset, splits: &[Split]) -> String {
    let (name, classes) = (&dataset.name, dataset.classes.len());
    let added = match dataset.added.len() {
        0 => String::new(),
        count => format!(" plus {count} added"),
    };
    match splits {
        [split] => format!(
            "{name}: {classes} classes, {} training images{added}, {} validation images",
            split.train.len() - dataset.added.len(),
            split.validation.len()
        ),
        folds => {
            let images: usize = folds.iter().map(|fold| fold.validation.len()).sum();
            let count = folds.len();
            format!("{name}: {classes} classes, {images} images in {count} folds")
        }
    }
}
