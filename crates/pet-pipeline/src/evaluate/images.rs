//! The images to evaluate a model on, and its predictions for them.

use std::path::Path;

use fs_err as fs;
use pet_data::{Dataset, Progress, Sample, Unit, task};
use pet_image::Limits;
use pet_predict::{ImagePredictor, Prediction};

use crate::error::Error;

/// Images per progress update.
const BATCH: usize = 32;

/// A set of images to evaluate a model on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ImageSet {
    /// The split or folder.
    pub name: String,
    /// The images, with class indices of the model.
    pub samples: Vec<Sample>,
    /// The command that reproduces the evaluation, which is stored with the metrics; may be empty.
    pub command: String,
}

impl ImageSet {
    /// Samples of a data set, for a model with these classes.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySplit`] without samples, [`Error::UnknownClass`] for a class that the model does not have.
    pub fn new(
        name: impl Into<String>,
        dataset: &Dataset,
        samples: &[Sample],
        model: &[String],
    ) -> Result<Self, Error> {
        let name = name.into();
        if samples.is_empty() {
            return Err(Error::EmptySplit { dataset: dataset.name.clone(), split: name });
        }
        let indices = class_indices(dataset, model)?;
        let samples = samples.iter().filter_map(|sample| {
            Some(Sample { path: sample.path.clone(), class: *indices.get(sample.class)? })
        });
        Ok(Self { name, samples: samples.collect(), command: String::new() })
    }

    /// The test images of a data set, for a model with these classes.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn test(dataset: &Dataset, model: &[String]) -> Result<Self, Error> {
        Self::new("test", dataset, &dataset.test, model)
    }

    /// Sets the command that reproduces the evaluation.
    #[must_use]
    pub fn with_command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }
}

/// The index of each class of a data set in the classes of a model.
///
/// # Errors
///
/// [`Error::UnknownClass`] for a class that the model does not have.
pub fn class_indices(dataset: &Dataset, model: &[String]) -> Result<Vec<usize>, Error> {
    let index = |class: &String| {
        let found = model.iter().position(|known| known == class);
        found.ok_or_else(|| Error::UnknownClass {
            class: class.clone(),
            model: model.len(),
            dataset: dataset.classes.len(),
        })
    };
    dataset.classes.iter().map(index).collect()
}

/// Predicts images, reporting progress as `name`.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted.
pub fn predict_all(
    predictor: &ImagePredictor,
    samples: &[Sample],
    name: &str,
    progress: &dyn Progress,
) -> Result<Vec<Prediction>, Error> {
    let (count, limits) = (samples.len() as u64, predictor.model().options().image);
    task(progress, name, count, Unit::Images, || {
        let mut predictions = Vec::with_capacity(samples.len());
        for batch in samples.chunks(BATCH) {
            let contents = batch.iter().map(|sample| read_image(&sample.path, &limits));
            let contents = contents.collect::<Result<Vec<_>, _>>()?;
            for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
                predictions.push(prediction.map_err(image_error(&sample.path))?);
            }
            progress.advance(batch.len() as u64);
        }
        Ok(predictions)
    })
}

/// Reads an image file, up to the size limit.
///
/// # Errors
///
/// [`Error::Image`] for a file that is too large, [`Error::Gone`] for a missing one, [`Error::Io`] for one that cannot be
/// read.
pub fn read_image(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Gone { path: path.to_owned() },
        _ => error.into(),
    };
    let (bytes, limit) = (fs::metadata(path).map_err(failed)?.len(), limits.bytes);
    if bytes > limit {
        return Err(image_error(path)(pet_image::Error::TooManyBytes { bytes, limit }));
    }
    fs::read(path).map_err(failed)
}

/// Adds the path to an error of an image.
pub fn image_error<E: Into<pet_predict::Error>>(path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::Image { path: path.to_owned(), source: source.into() }
}
