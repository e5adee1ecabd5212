//! Preparation of a training: checks, the split, and the inputs.

use std::sync::Arc;

use mlflow_client::Run;
use pet_data::{Dataset, FileDigests, Split};
use pet_image::Preprocess;
use pet_train::{Configuration, Interrupt, Trainer, Weights};

use super::inputs::{Preparation, Teachers, TrainingInputs};
use super::request::Context;
use crate::check::{DuplicateImages, ExcludedImages};
use crate::error::Error;
use crate::observer::Warning;
use crate::settings::TrainSettings;
use crate::trained_on::{ADDED_DIGEST, DATASET_DIGEST};

/// Settings and a data set after all checks that are possible without reading images.
pub(super) struct Checked<'a> {
    settings: &'a TrainSettings,
    context: &'a Context<'a>,
    /// The number of folds, for cross-validation.
    folds: Option<usize>,
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

/// The digests of the images of a training.
#[derive(Clone)]
pub(super) struct Identity {
    /// The data set's digest.
    pub(super) digest: String,
    /// The digest of the added images, if there are any.
    pub(super) added: Option<String>,
    /// The digests of all images, which must not change during the training.
    files: Arc<FileDigests>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(
        settings: &'a TrainSettings,
        dataset: Dataset,
        context: &'a Context<'a>,
        folds: Option<usize>,
    ) -> Result<Self, Error> {
        let train_recipe = settings.train_recipe()?;
        let identity = Identity::of_data_set(&dataset)?;
        if let Some(refit) = &settings.refit {
            identity.check_images("refit", &refit.run_id, &refit.dataset_digest)?;
        }
        let (folders, libraries) = (&settings.teachers, &context.libraries);
        let teachers = Teachers::load(folders, libraries, &dataset.classes)?;
        let backbone = Weights::open(&settings.backbone)?.without_head();
        settings.check_normalization(backbone.architecture())?;
        // Fails early if the data set cannot be split.
        settings.splits(&dataset, &DuplicateImages::default(), folds)?;
        Ok(Self { settings, context, folds, dataset, identity, train_recipe, teachers, backbone })
    }

    /// Computes the features of the frozen layers for each split.
    pub(super) fn prepare(mut self) -> Result<Vec<Prepared>, Error> {
        let splits = self.split()?;
        let Self { settings, context, dataset, .. } = self;
        let identity = self.identity.with_added(&dataset)?;
        if let Some(refit) = &settings.refit {
            identity.check_added("refit", &refit.run_id, refit.added_digest.as_ref())?;
        }
        context.observer.message(&summary(&dataset, &splits));
        let dataset = Arc::new(dataset);
        let prepared = |split| {
            let preparation = Preparation {
                settings,
                context,
                backbone: self.backbone.clone(),
                classes: dataset.classes.len(),
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

    /// Splits the data set. Training images end with the added ones, some of which may be excluded from the data set; a
    /// refit has no validation images.
    fn split(&mut self) -> Result<Vec<Split>, Error> {
        let (settings, dataset, data) = (self.settings, &mut self.dataset, &self.settings.data);
        let Context { cache, limits, interrupt, observer, .. } = self.context;
        let digest = &self.identity.digest;
        let duplicates = data.duplicates(dataset, digest, cache, limits, interrupt, *observer)?;
        let mut splits = settings.splits(dataset, &duplicates, self.folds)?;
        let identical = data.has_similar_images();
        let excluded =
            ExcludedImages::find(dataset, &splits, identical, limits, interrupt, *observer)?;
        if !excluded.is_empty() {
            observer.warning(&Warning::Excluded(&excluded));
            excluded.remove_from(dataset);
        }
        if settings.refit.is_some() {
            for split in &mut splits {
                split.train.append(&mut split.validation);
            }
        }
        if let Some(leak) = splits.iter().find_map(|split| duplicates.leak(split)) {
            observer.warning(&Warning::Leak(&leak));
        }
        for split in &mut splits {
            split.train.extend_from_slice(&dataset.added);
        }
        Ok(splits)
    }
}

impl Prepared {
    /// A training of these weights on these images.
    pub(super) fn trainer<'t>(
        &'t self,
        configuration: &'t Configuration,
        interrupt: &'t Interrupt,
    ) -> Trainer<'t> {
        let (inputs, classes) = (&self.inputs, self.dataset.classes.len());
        Trainer::new(&inputs.weights, classes, inputs.train.as_ref(), configuration)
            .with_validation(inputs.validation.as_deref())
            .with_interrupt(interrupt)
    }
}

impl Identity {
    /// Without added images, some of which may be excluded later.
    fn of_data_set(dataset: &Dataset) -> Result<Self, Error> {
        let mut files = FileDigests::default();
        Ok(Self { digest: dataset.digest_files(&mut files)?, added: None, files: Arc::new(files) })
    }

    /// Adds the digest of the added images.
    fn with_added(mut self, dataset: &Dataset) -> Result<Self, Error> {
        self.added = dataset.added_digest(Arc::make_mut(&mut self.files))?;
        Ok(self)
    }

    /// Checks that a resumed run has the same images as before, if it recorded them.
    pub(super) fn check_resumed(&self, run: &Run) -> Result<(), Error> {
        let Some(digest) = run.tags.get(DATASET_DIGEST) else {
            return Ok(());
        };
        self.check_images("resume", &run.id, digest)?;
        self.check_added("resume", &run.id, run.tags.get(ADDED_DIGEST))
    }

    /// Checks that a run to refit or resume was trained on this data set.
    fn check_images(&self, action: &'static str, run: &str, digest: &str) -> Result<(), Error> {
        check_digest(action, run, "images", (digest, &self.digest))
    }

    /// Checks that a run to refit or resume was trained with these added images.
    fn check_added(
        &self,
        action: &'static str,
        run: &str,
        digest: Option<&String>,
    ) -> Result<(), Error> {
        let shown = |digest: Option<&String>| digest.cloned().unwrap_or_else(|| "none".into());
        let (expected, got) = (shown(digest), shown(self.added.as_ref()));
        check_digest(action, run, "added images", (&expected, &got))
    }
}

fn check_digest(
    action: &'static str,
    run_id: &str,
    what: &'static str,
    (expected, got): (&str, &str),
) -> Result<(), Error> {
    if expected == got {
        return Ok(());
    }
    let (run_id, expected, got) = (run_id.into(), expected.into(), got.into());
    Err(Error::OtherDigest { action, run_id, what, expected, got })
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
