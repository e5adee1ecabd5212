//! What the trained part of the network is shown.

use fs_err as fs;
use pet_data::Sample;
use pet_image::{Augment, Limits, Preprocess, decode};
use rand::Rng;
use rand_chacha::ChaCha8Rng;

use crate::{Error, Features};

/// Labelled inputs.
pub trait Examples: Sync {
    /// Class indices, one for each input.
    fn labels(&self) -> &[u32];

    /// Numbers in one input.
    fn input_values(&self) -> usize;

    /// Writes input `index`, changed at random when `random` is given, else as it is served.
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
        }
    }

    fn read(
        &self,
        sample: &Sample,
        random: Option<&mut ChaCha8Rng>,
        input: &mut [f32],
    ) -> Result<(), Error> {
        let bytes = fs::read(&sample.path)?;
        let image = decode(&bytes, &self.limits)?.image;
        match random {
            Some(random) => self
                .augment
                .run_image(&image, &self.recipe, random, input)?,
            None => self.recipe.run_image(&image, input)?,
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
