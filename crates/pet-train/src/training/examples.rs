//! Training examples, and the teachers that see them too.

use std::fmt::Debug;
use std::sync::Arc;

use pet_data::{FileDigests, Sample};
use pet_image::{Augment, Limits, Preprocess, decode};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::Error;
use crate::features::{Features, read_image};

/// Labelled inputs of the trained part of the network.
pub trait Examples: Sync {
    /// The class index of each example.
    fn labels(&self) -> &[u32];

    /// Number of values of one input.
    fn input_values(&self) -> usize;

    /// Models for knowledge distillation.
    fn teachers(&self) -> &[Arc<dyn Teacher>] {
        &[]
    }

    /// Writes input `index`, augmented if `random` is given. With `random`, the input is followed by those of the
    /// teachers: the same view with each teacher's preprocessing.
    ///
    /// # Errors
    ///
    /// If the input cannot be read.
    fn write(
        &self,
        index: usize,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error>;
}

/// A trained model for knowledge distillation (Hinton et al. 2015). It gets the same augmented views as the network (Beyer et al. 2022), with
/// its own preprocessing.
pub trait Teacher: Debug + Send + Sync {
    /// The preprocessing of its input.
    fn recipe(&self) -> &Preprocess;

    /// Computes the logits of one input. The result must be the same on every thread.
    ///
    /// # Errors
    ///
    /// An error stops the training with [`Error::Teacher`].
    fn answer(&self, input: &[f32]) -> Result<Vec<f32>, Box<dyn std::error::Error + Send + Sync>>;
}

/// Photographs, decoded on each access: this costs a fraction of a training step and saves memory.
#[derive(Clone, Debug)]
pub struct Photographs {
    samples: Vec<Sample>,
    labels: Vec<u32>,
    recipe: Preprocess,
    augment: Augment,
    limits: Limits,
    teachers: Vec<Arc<dyn Teacher>>,
    digests: Arc<FileDigests>,
}

impl Photographs {
    /// Photographs preprocessed by `recipe`, augmented in training by `augment`.
    pub fn new(samples: &[Sample], recipe: &Preprocess, augment: Augment, limits: Limits) -> Self {
        Self {
            samples: samples.to_vec(),
            labels: samples.iter().map(|sample| sample.class as u32).collect(),
            recipe: recipe.clone(),
            augment,
            limits,
            teachers: Vec::new(),
            digests: Arc::default(),
        }
    }

    /// Reports files with other digests as [`Error::ImageChanged`], whenever they are read.
    #[must_use]
    pub fn with_digests(self, digests: Arc<FileDigests>) -> Self {
        Self { digests, ..self }
    }

    /// Sets the models for knowledge distillation.
    #[must_use]
    pub fn with_teachers(self, teachers: Vec<Arc<dyn Teacher>>) -> Self {
        Self { teachers, ..self }
    }

    fn read(
        &self,
        sample: &Sample,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let (bytes, _) = read_image(&sample.path, self.limits.bytes, Some(&self.digests))?;
        let image = decode(&bytes, &self.limits)?.image;
        let Some(random) = random else {
            return Ok(self.recipe.run_image(&image, input)?);
        };
        self.augment.check()?;
        let change = self.augment.draw(image.width(), image.height(), random);
        let (input, mut views) = input.split_at_mut(self.recipe.tensor_len());
        change.run_image(&image, &self.recipe, input)?;
        for teacher in &self.teachers {
            let recipe = teacher.recipe();
            let (view, rest) = views.split_at_mut(recipe.tensor_len());
            change.run_image(&image, recipe, view)?;
            views = rest;
        }
        Ok(())
    }
}

impl Examples for Photographs {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn input_values(&self) -> usize {
        self.recipe.tensor_len()
    }

    fn teachers(&self) -> &[Arc<dyn Teacher>] {
        &self.teachers
    }

    fn write(
        &self,
        index: usize,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let sample = &self.samples[index];
        self.read(sample, random, input).map_err(|error| Error::UnreadableImages {
            failures: vec![(sample.path.clone(), error)],
        })
    }
}

/// In training, half of the features are those of mirrored images, if there are any.
impl Examples for Features {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn input_values(&self) -> usize {
        self.length
    }

    fn write(
        &self,
        index: usize,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let mirrored = self.mirrored.as_ref().zip(random);
        let mirrored =
            mirrored.and_then(|(values, random)| random.random::<bool>().then_some(values));
        let values = mirrored.unwrap_or(&self.values);
        input.copy_from_slice(&values[index * self.length..][..self.length]);
        Ok(())
    }
}
