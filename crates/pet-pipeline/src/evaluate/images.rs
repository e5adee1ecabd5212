//! The images to evaluate a model on, and its predictions for them.

use std::path::Path;

use fs_err as fs;
use pet_data::{Dataset, Progress, Sample, Unit, task};
use pet_image::Limits;
use pet_model::ModelMetadata;
use pet_predict::{ImagePredictor, Prediction};

use crate::error::Error;
use crate::settings::VALIDATION;
use crate::trained_data::TrainedData;

/// Images per progress update.
const BATCH: usize = 32;

/// The name of the split of test images.
const TEST: &str = "test";

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
        Self::new(TEST, dataset, &dataset.test, model)
    }

    /// All images of a data set, which gives the set its name, for a model with these classes.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn all(dataset: &Dataset, model: &[String]) -> Result<Self, Error> {
        let samples: Vec<Sample> = dataset.samples().cloned().collect();
        Self::new(&dataset.name, dataset, &samples, model)
    }

    /// Sets the command that reproduces the evaluation.
    #[must_use]
    pub fn with_command(self, command: impl Into<String>) -> Self {
        Self { command: command.into(), ..self }
    }
}

/// Which images of a data set to evaluate a model on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The test images.
    Test,
    /// The images used to choose the best epoch.
    Validation,
    /// The images used for training.
    Train,
    /// All images not used for training: the test images, if there are any, and the validation images, except for a refit.
    Unseen,
}

impl TrainedData {
    /// The images to evaluate a model on, split as in its training, the test images first. `dataset` is that of the source.
    ///
    /// # Errors
    ///
    /// [`Error::ValidationTrained`] for the validation images of a refit, [`Error::EmptySplit`] for a part without images,
    /// [`Error::UnknownClass`] for a class that the model does not have, and as [`split`](Self::split), unless only the test
    /// images are used.
    pub fn image_sets(
        &self,
        dataset: &Dataset,
        part: Part,
        model: &ModelMetadata,
        progress: &dyn Progress,
    ) -> Result<Vec<ImageSet>, Error> {
        let part = match (part, &self.record.refit_of) {
            (Part::Validation, Some(run_id)) => {
                return Err(Error::ValidationTrained { run_id: run_id.clone() });
            }
            (Part::Unseen, Some(_)) => Part::Test,
            (Part::Unseen, None) if dataset.test.is_empty() => Part::Validation,
            (part, _) => part,
        };
        if part == Part::Test && dataset.test.is_empty() {
            return Err(Error::EmptySplit { dataset: dataset.name.clone(), split: TEST.into() });
        }
        // Before the split, because a difference in classes says more about an entirely different data set.
        class_indices(dataset, &model.classes)?;
        let set = |name, samples: &[Sample]| {
            ImageSet::new(model.precision.key(name), dataset, samples, &model.classes)
        };
        let mut sets = Vec::new();
        if matches!(part, Part::Test | Part::Unseen) {
            sets.push(set(TEST, &dataset.test)?);
        }
        if part != Part::Test {
            let split = self.split(dataset, progress)?;
            sets.push(match part {
                Part::Train => set("train", &split.train)?,
                _ => set(VALIDATION, &split.validation)?,
            });
        }
        Ok(sets)
    }
}

/// The index of each class of a data set in the classes of a model.
fn class_indices(dataset: &Dataset, model: &[String]) -> Result<Vec<usize>, Error> {
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

#[cfg(test)]
mod tests {
    use pet_data::Silent;
    use pet_data::sample::{Options, generate};
    use pet_image::Preprocess;

    use super::*;
    use crate::data_source::DataSource;
    use crate::trained_data::TrainingRecord;

    #[test]
    fn a_model_is_evaluated_on_images_that_it_was_not_trained_on() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            images_per_class: 5,
            test_images_per_class: 1,
            image_size: 32,
            ..Options::default()
        };
        let mut dataset = generate(folder.path(), &options).unwrap();
        let model = ModelMetadata::new("pets", dataset.classes.clone(), Preprocess::imagenet());
        let source = DataSource::Sample(folder.path().to_owned());
        let mut data = TrainedData::new(source, TrainingRecord::default(), folder.path());
        let names = |data: &TrainedData, dataset: &Dataset, part| {
            let sets = data.image_sets(dataset, part, &model, &Silent)?;
            Ok(sets.into_iter().map(|set| set.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&data, &dataset, Part::Unseen).unwrap(), ["test", "validation"]);
        assert_eq!(names(&data, &dataset, Part::Train).unwrap(), ["train"]);
        data.record.refit_of = Some("abc".into());
        assert_eq!(names(&data, &dataset, Part::Unseen).unwrap(), ["test"]);
        let refused: Error = names(&data, &dataset, Part::Validation).unwrap_err();
        assert!(matches!(refused, Error::ValidationTrained { .. }), "{refused}");

        dataset.test.clear();
        let empty: Error = names(&data, &dataset, Part::Unseen).unwrap_err();
        assert!(matches!(empty, Error::EmptySplit { .. }), "{empty}");
        data.record.refit_of = None;
        assert_eq!(names(&data, &dataset, Part::Unseen).unwrap(), ["validation"]);
    }
}
