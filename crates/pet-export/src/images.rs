//! The images of a model, from which an export learns what the weights don't tell.

use pet_data::{Dataset, Progress, Sample, Split};
use pet_pipeline::evaluate::ImageSet;
use pet_predict::{Limits, Options};

use crate::error::Error;

/// Labelled images that a model was trained and validated on. From them, an [`Exporter`](crate::Exporter) learns to detect
/// outliers, measures the reference with which a service compares later predictions, and quantizes the model to int8.
#[derive(Clone, Copy)]
pub struct ModelImages<'a> {
    pub(crate) dataset: &'a Dataset,
    pub(crate) split: &'a Split,
    pub(crate) limits: Limits,
    pub(crate) progress: &'a dyn Progress,
}

impl<'a> ModelImages<'a> {
    /// The images of a data set that is split as in the training of the model.
    pub fn new(dataset: &'a Dataset, split: &'a Split, progress: &'a dyn Progress) -> Self {
        Self { dataset, split, limits: Limits::default(), progress }
    }

    /// Sets the size limits of images.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// How a model is loaded to predict these images.
    pub(crate) fn options(&self) -> Options {
        Options::default().with_image(self.limits)
    }

    /// Samples of the data set, for a model with these classes.
    pub(crate) fn set(
        &self,
        name: &str,
        samples: &[Sample],
        classes: &[String],
    ) -> Result<Vec<Sample>, Error> {
        Ok(ImageSet::new(name, self.dataset, samples, classes)?.samples)
    }
}
