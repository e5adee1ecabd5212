//! The images on which the versions of a contest are compared.

use pet_data::{Dataset, Progress, Sample, Split};
use pet_pipeline::promote::NoKnown;
use pet_pipeline::{Error as PipelineError, TrainedData};
use pet_predict::Limits;

use crate::contest::Contest;
use crate::error::Error;
use crate::images::ModelImages;

/// Images that neither version of a [`Contest`] was trained on, with the others of their data set.
pub struct ContestImages<'a> {
    pub(crate) held_out: HeldOut,
    pub(crate) dataset: Dataset,
    /// The training and validation images, for outlier detection and int8 models.
    split: Split,
    pub(crate) limits: Limits,
    pub(crate) progress: &'a dyn Progress,
}

/// Images that are not used for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldOut {
    /// The images used to choose the best epochs; both versions must be trained on the same split.
    Validation,
    /// The images reserved for evaluation.
    Test,
}

impl HeldOut {
    /// The name of the split.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }
}

impl Contest {
    /// Loads the images on which to compare the versions, and splits the others as in the training of the challenger, whose
    /// record `data` has.
    ///
    /// # Errors
    ///
    /// For validation images, [`Error::Incomparable`] if the versions were trained on different images, and
    /// [`Error::Images`] if one is a refit or `data` is split otherwise than in the training. For test images, a difference is
    /// only reported as a message. [`Error::Images`] for a data set that cannot be used.
    pub fn images<'a>(
        &self,
        data: &TrainedData,
        held_out: HeldOut,
        progress: &'a dyn Progress,
    ) -> Result<ContestImages<'a>, Error> {
        let is_test = held_out == HeldOut::Test;
        match self.check_same_data() {
            Err(error) if is_test => progress.message(&format!(
                "note: {error}; neither may have been trained on the test images"
            )),
            checked => checked?,
        }
        let refit_of = self.both().find_map(|one| one.refit_of.clone());
        if let Some(run_id) = refit_of.filter(|_| !is_test) {
            return Err(PipelineError::ValidationTrained { run_id }.into());
        }
        let mut data = data.clone();
        data.force = is_test;
        let dataset = data.source.load(progress).map_err(PipelineError::from)?;
        let split = data.split(&dataset, progress)?;
        Ok(ContestImages { held_out, dataset, split, limits: data.limits, progress })
    }
}

impl ContestImages<'_> {
    /// The images to compare the versions on.
    pub(crate) fn samples(&self) -> &[Sample] {
        match self.held_out {
            HeldOut::Validation => &self.split.validation,
            HeldOut::Test => &self.dataset.test,
        }
    }

    /// The images from which an exported version learns.
    pub(crate) fn others(&self) -> ModelImages<'_> {
        ModelImages::new(&self.dataset, &self.split, self.progress).with_limits(self.limits)
    }

    /// Why a version that is exported for the comparison does not learn to detect outliers, if it does not.
    pub(crate) fn no_known(&self) -> Option<NoKnown> {
        if self.held_out == HeldOut::Validation {
            return Some(NoKnown::SameImages);
        }
        let lacking = self.split.train.is_empty() || self.split.validation.is_empty();
        lacking.then_some(NoKnown::NoTrainingImages)
    }

    pub(crate) fn description(&self) -> String {
        let (count, split) = (self.samples().len(), self.held_out.name());
        format!("{count} {split} images of {}", self.dataset.name)
    }
}
