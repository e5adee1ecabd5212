//! Which images are trained on, and what tells them from others.

use mlflow_client::Run;
use pet_data::{Dataset, Split};

use super::refit::Refit;
use super::request::Context;
use crate::check::SamePictures;
use crate::error::Error;
use crate::observer::Warning;
use crate::settings::TrainSettings;
use crate::tracking::{ADDED_DIGEST, DATASET_DIGEST};

/// Where nothing was added.
const NONE: &str = "none";

/// What tells the images of a training from others.
#[derive(Clone)]
pub(super) struct Identity {
    /// The data set's digest.
    pub(super) digest: String,
    /// That of the images which were added to it, if there are any.
    pub(super) added: Option<String>,
}

impl Identity {
    /// Before it is known which of the added images can be used.
    pub(super) fn of_data_set(dataset: &Dataset) -> Result<Self, Error> {
        let (digest, added) = (dataset.digest()?, None);
        Ok(Self { digest, added })
    }

    /// With the images that were added.
    pub(super) fn with_added(self, dataset: &Dataset) -> Result<Self, Error> {
        let added = dataset.added_digest()?;
        Ok(Self { added, ..self })
    }

    fn added(&self) -> &str {
        self.added.as_deref().unwrap_or(NONE)
    }

    /// What a run measured is no estimate for a model of other images.
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

    /// The same for the images that were added.
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

    /// A run that names its images goes on with the same.
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

/// The splits that `divide` makes of the images: those to train on, the added ones at their end, and those to validate on,
/// of which a refit has none. Added images that cannot be used are taken out of the data set.
pub(super) fn divided(
    settings: &TrainSettings,
    dataset: &mut Dataset,
    digest: &str,
    context: &Context<'_>,
    divide: impl Fn(&Dataset, &SamePictures) -> Result<Vec<Split>, Error>,
) -> Result<Vec<Split>, Error> {
    let (data, observer) = (&settings.data, context.observer);
    let (cache, limits, interrupt) = (&context.cache, &context.limits, &context.interrupt);
    let same = data.same_pictures(dataset, digest, cache, limits, interrupt, observer)?;
    let mut splits = divide(dataset, &same)?;
    let unused = data.unused_pictures(dataset, &splits, limits, interrupt, observer)?;
    if !unused.is_empty() {
        observer.warning(&Warning::Unused(&unused));
        unused.leave_out(dataset);
    }
    if settings.refit.is_some() {
        for split in &mut splits {
            split.train.append(&mut split.validation);
        }
    }
    if let Some(leak) = splits.iter().find_map(|split| same.leak(split)) {
        observer.warning(&Warning::Leak(&leak));
    }
    for split in &mut splits {
        split.train.extend_from_slice(&dataset.added);
    }
    Ok(splits)
}
