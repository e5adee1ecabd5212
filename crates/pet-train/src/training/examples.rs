//! What the trained part of the network is shown.

use std::sync::Arc;

use fs_err as fs;
use pet_data::Sample;
use pet_image::{Augment, Limits, Preprocess, decode};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::teacher::Teacher;
use crate::{Error, Features};

/// Labelled inputs.
pub trait Examples: Sync {
    /// Class indices, one for each input.
    fn labels(&self) -> &[u32];

    /// Numbers in one input of the network.
    fn input_values(&self) -> usize;

    /// The models whose answers are learned besides the labels.
    fn teachers(&self) -> &[Arc<dyn Teacher>] {
        &[]
    }

    /// Writes input `index`, changed at random when `random` is given, else as it is served. With `random`, what each
    /// teacher is shown follows the network's input: the same view by the teacher's own recipe.
    ///
    /// # Errors
    ///
    /// When the input cannot be made.
    fn write(
        &self,
        index: usize,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error>;
}

/// Photographs, decoded anew each time that they are looked at: at a fraction of the cost of training on one, that
/// keeps the memory small.
#[derive(Clone, Debug)]
pub struct Photographs {
    samples: Vec<Sample>,
    labels: Vec<u32>,
    recipe: Preprocess,
    augment: Augment,
    limits: Limits,
    teachers: Vec<Arc<dyn Teacher>>,
}

impl Photographs {
    /// These photographs under the recipe that is served, changed while training as `augment` says.
    pub fn new(samples: &[Sample], recipe: &Preprocess, augment: Augment, limits: Limits) -> Self {
        Self {
            samples: samples.to_vec(),
            labels: samples.iter().map(|sample| sample.class as u32).collect(),
            recipe: recipe.clone(),
            augment,
            limits,
            teachers: Vec::new(),
        }
    }

    /// Shows what is trained on to these models as well.
    #[must_use]
    pub fn taught_by(self, teachers: Vec<Arc<dyn Teacher>>) -> Self {
        Self { teachers, ..self }
    }

    fn read(
        &self,
        sample: &Sample,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let bytes = fs::read(&sample.path)?;
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
        self.read(sample, random, input)
            .map_err(|error| Error::UnreadableImages {
                failures: vec![(sample.path.clone(), error)],
            })
    }
}

/// While training, an image is shown mirrored every other time, where its mirror image's features are there.
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
