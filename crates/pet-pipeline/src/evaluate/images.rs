use pet_data::{Dataset, Sample};

use crate::error::Error;

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
            let (dataset, split) = (dataset.name.clone(), name);
            return Err(Error::EmptySplit { dataset, split });
        }
        let indices = class_indices(dataset, model)?;
        let samples = samples.iter().filter_map(|sample| {
            let class = *indices.get(sample.class)?;
            let path = sample.path.clone();
            Some(Sample { path, class })
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
        let command = command.into();
        Self { command, ..self }
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
