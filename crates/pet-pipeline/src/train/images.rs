//! The images of a training and their digests.

use std::sync::Arc;

use mlflow_client::Run;
use pet_data::{Dataset, FileDigests, Split};

use super::refit::Refit;
use super::request::Context;
use crate::check::DuplicateImages;
use crate::error::Error;
use crate::observer::Warning;
use crate::settings::TrainSettings;
use crate::tracking::{ADDED_DIGEST, DATASET_DIGEST};

/// The digest without added images, in errors.
const NONE: &str = "none";

/// The digests of the images of a training.
#[derive(Clone)]
pub(super) struct Identity {
    /// The data set's digest.
    pub(super) digest: String,
    /// The digest of the added images, if there are any.
    pub(super) added: Option<String>,
    /// The digests of all images, which must not change during the training.
    pub(super) files: Arc<FileDigests>,
}

impl Identity {
    /// Without added images, some of which may be excluded later.
    pub(super) fn of_data_set(dataset: &Dataset) -> Result<Self, Error> {
        let mut files = FileDigests::default();
        Ok(Self { digest: dataset.digest_files(&mut files)?, added: None, files: Arc::new(files) })
    }

    /// Adds the digest of the added images.
    pub(super) fn with_added(mut self, dataset: &Dataset) -> Result<Self, Error> {
        self.added = dataset.added_digest(Arc::make_mut(&mut self.files))?;
        Ok(self)
    }

    fn added(&self) -> &str {
        self.added.as_deref().unwrap_or(NONE)
    }

    /// Checks that a refit has the data set of the refitted run, whose metrics it takes over.
    pub(super) fn check_refit(&self, refit: Option<&Refit>) -> Result<(), Error> {
        match refit {
            Some(refit) if refit.dataset_digest != self.digest => Err(Error::RefitData {
                run_id: refit.run_id.clone(),
                expected: refit.dataset_digest.clone(),
                got: self.digest.clone(),
            }),
            _ => Ok(()),
        }
    }

    /// Checks that a refit has the added images of the refitted run.
    pub(super) fn check_refit_added(&self, refit: Option<&Refit>) -> Result<(), Error> {
        match refit {
            Some(refit) if refit.added_digest != self.added => Err(Error::RefitAdded {
                run_id: refit.run_id.clone(),
                expected: refit.added_digest.as_deref().unwrap_or(NONE).into(),
                got: self.added().into(),
            }),
            _ => Ok(()),
        }
    }

    /// Checks that a resumed run has the same images as before, if it recorded them.
    pub(super) fn check_resumed(&self, run: &Run) -> Result<(), Error> {
        let Some(digest) = run.tags.get(DATASET_DIGEST) else {
            return Ok(());
        };
        let added = run.tags.get(ADDED_DIGEST).map_or(NONE, String::as_str);
        let pairs = [
            ("images", digest.as_str(), self.digest.as_str()),
            ("added images", added, self.added()),
        ];
        match pairs.into_iter().find(|(_, expected, got)| expected != got) {
            Some((what, expected, got)) => Err(Error::ResumeData {
                run_id: run.id.clone(),
                what,
                expected: expected.into(),
                got: got.into(),
            }),
            None => Ok(()),
        }
    }
}

/// Splits the data set. Training images end with the added ones, some of which may be excluded from the data set; a refit
/// has no validation images.
pub(super) fn split_dataset(
    settings: &TrainSettings,
    dataset: &mut Dataset,
    digest: &str,
    context: &Context<'_>,
    split: impl Fn(&Dataset, &DuplicateImages) -> Result<Vec<Split>, Error>,
) -> Result<Vec<Split>, Error> {
    let (data, observer) = (&settings.data, context.observer);
    let (cache, limits, interrupt) = (&context.cache, &context.limits, &context.interrupt);
    let duplicates = data.duplicates(dataset, digest, cache, limits, interrupt, observer)?;
    let mut splits = split(dataset, &duplicates)?;
    let excluded = data.excluded_images(dataset, &splits, limits, interrupt, observer)?;
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
