//! What has to be there before anything is trained.

use std::sync::Arc;

use pet_data::{Dataset, Split};
use pet_image::Preprocess;
use pet_train::Weights;

use super::inputs::{Preparation, TrainingInputs};
use super::refit::Refit;
use super::request::Context;
use super::teachers::Teachers;
use crate::check::SamePictures;
use crate::error::Error;
use crate::observer::Warning;
use crate::settings::TrainSettings;

/// Settings and a data set that can work together, as far as that is known before any work.
pub(super) struct Checked<'a, Divide> {
    settings: &'a TrainSettings,
    context: &'a Context<'a>,
    /// Makes the splits, knowing which pictures show the same.
    divide: Divide,
    dataset: Dataset,
    digest: String,
    train_recipe: Preprocess,
    teachers: Teachers,
    backbone: Weights,
}

/// One split's images and weights, ready to be trained with.
pub(super) struct Prepared {
    pub(super) dataset: Arc<Dataset>,
    /// Of the data set.
    pub(super) digest: String,
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
        let digest = dataset.digest()?;
        check_refit(settings.refit.as_ref(), &digest)?;
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
            digest,
            train_recipe,
            teachers,
            backbone,
        })
    }

    /// Computes what the frozen part of the network makes of the images of each split.
    pub(super) fn prepare(self) -> Result<Vec<Prepared>, Error> {
        let Self {
            settings, context, ..
        } = self;
        let same = settings.data.same_pictures(
            &self.dataset,
            &self.digest,
            &context.cache,
            &context.limits,
            &context.interrupt,
            context.observer,
        )?;
        let splits = (self.divide)(&self.dataset, &same)?;
        if let Some(leak) = splits.iter().find_map(|split| same.leak(split)) {
            context.observer.warning(&Warning::Leak(&leak));
        }
        context.observer.message(&described(&self.dataset, &splits));
        let dataset = Arc::new(self.dataset);
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
                digest: self.digest.clone(),
                dataset: Arc::clone(&dataset),
            })
        };
        splits.into_iter().map(prepared).collect()
    }
}

/// The data set and how it was divided, for people who are watching.
fn described(dataset: &Dataset, splits: &[Split]) -> String {
    let (name, classes) = (&dataset.name, dataset.classes.len());
    match splits {
        [split] => format!(
            "{name}: {classes} classes, {} images to train on, {} to validate on",
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

/// What a run measured is no estimate for a model of other images.
fn check_refit(refit: Option<&Refit>, digest: &str) -> Result<(), Error> {
    match refit {
        Some(refit) if refit.dataset_digest != digest => Err(Error::RefitData {
            run_id: refit.run_id.clone(),
            expected: refit.dataset_digest.clone(),
            got: digest.into(),
        }),
        _ => Ok(()),
    }
}
