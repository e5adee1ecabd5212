//! What has to be there before anything is trained.

use std::sync::Arc;

use pet_data::{Dataset, Split};
use pet_image::Preprocess;
use pet_train::Weights;

use super::images::{Identity, divided};
use super::inputs::{Preparation, TrainingInputs};
use super::request::Context;
use super::teachers::Teachers;
use crate::check::SamePictures;
use crate::error::Error;
use crate::settings::TrainSettings;

/// Settings and a data set that can work together, as far as that is known before any work.
pub(super) struct Checked<'a, Divide> {
    settings: &'a TrainSettings,
    context: &'a Context<'a>,
    /// Makes the splits, knowing which pictures show the same.
    divide: Divide,
    dataset: Dataset,
    identity: Identity,
    train_recipe: Preprocess,
    teachers: Teachers,
    backbone: Weights,
}

/// One split's images and weights, ready to be trained with.
pub(super) struct Prepared {
    pub(super) dataset: Arc<Dataset>,
    pub(super) identity: Identity,
    pub(super) inputs: TrainingInputs,
    /// The SHA-256 of the teachers' files.
    pub(super) teachers: Vec<String>,
}

impl<'a, Divide: Fn(&Dataset, &SamePictures) -> Result<Vec<Split>, Error>> Checked<'a, Divide> {
    pub(super) fn new(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        divide: Divide,
    ) -> Result<Self, Error> {
        let train_recipe = settings.train_recipe()?;
        let identity = Identity::of_data_set(&dataset)?;
        identity.check_refit(settings.refit.as_ref())?;
        let (folders, libraries) = (&settings.teachers, &context.libraries);
        let teachers = Teachers::load(folders, libraries, &dataset.classes)?;
        let backbone = Weights::open(&settings.backbone)?.without_head();
        settings.check_normalization(backbone.architecture())?;
        // Whether there can be a split.
        divide(&dataset, &SamePictures::default())?;
        Ok(Self {
            settings,
            context,
            divide,
            dataset,
            identity,
            train_recipe,
            teachers,
            backbone,
        })
    }

    /// Computes what the frozen part of the network makes of the images of each split.
    pub(super) fn prepare(self) -> Result<Vec<Prepared>, Error> {
        let Self {
            settings,
            context,
            divide,
            mut dataset,
            identity,
            ..
        } = self;
        let splits = divided(settings, &mut dataset, &identity.digest, context, divide)?;
        let identity = identity.with_added(&dataset)?;
        identity.check_refit_added(settings.refit.as_ref())?;
        context.observer.message(&described(&dataset, &splits));
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

/// The data set and how it was divided, for people who are watching.
fn described(dataset: &Dataset, splits: &[Split]) -> String {
    let (name, classes) = (&dataset.name, dataset.classes.len());
    let added = match dataset.added.len() {
        0 => String::new(),
        count => format!(" with {count} that were added"),
    };
    match splits {
        [split] => format!(
            "{name}: {classes} classes, {} images to train on{added}, {} to validate on",
            split.train.len(),
            split.validation.len()
        ),
        folds => {
            let images: usize = folds.iter().map(|fold| fold.validation.len()).sum();
            let count = folds.len();
            format!("{name}: {classes} classes, {images} images in {count} folds")
        }
    }
}
