//! The batches of an epoch, with augmentation, mixup and dropout. Each purpose of random numbers has a stream of its own, so
//! that they do not influence each other.

use std::sync::Arc;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::configuration::Configuration;
use super::examples::{Examples, Teacher};
use super::loss::{Target, softmax};
use crate::Error;
use crate::architecture::FEATURES;

/// Distinguish the seeds of images and of batches from those of epochs.
const IMAGES: u64 = 0x9e37_79b9_7f4a_7c15;
const BATCHES: u64 = 0xc2b2_ae3d_27d4_eb4f;

/// The random order of `count` images in an epoch.
pub(crate) fn order(count: usize, epoch: usize, configuration: &Configuration) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut random_of_epoch(configuration.seed, epoch));
    order
}

/// A batch of inputs and targets.
pub(crate) struct Batch {
    inputs: Vec<f32>,
    /// Values of the network's input.
    input_values: usize,
    /// Values of that and of the teachers' inputs.
    view_values: usize,
    targets: Vec<Target>,
    /// The teachers' probabilities; empty without teachers.
    soft_targets: Vec<Vec<f32>>,
    masks: Vec<Option<Vec<f32>>>,
}

/// One example of a batch.
pub(crate) struct Example<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) target: Target,
    /// The teachers' probability of each class.
    pub(crate) soft_target: Option<&'a [f32]>,
    /// The factor of each feature (dropout).
    pub(crate) mask: Option<&'a [f32]>,
}

impl Batch {
    /// Prepares the images `chosen` for `epoch`. The teachers see them after mixup, like the network.
    pub(crate) fn make(
        chosen: &[usize],
        epoch: usize,
        examples: &dyn Examples,
        classes: usize,
        configuration: &Configuration,
    ) -> Result<Self, Error> {
        let (input_values, teachers) = (examples.input_values(), examples.teachers().iter());
        let view_values =
            input_values + teachers.map(|teacher| teacher.recipe().tensor_len()).sum::<usize>();
        let mut inputs = vec![0.0; chosen.len() * view_values];
        let masks = inputs
            .par_chunks_mut(view_values)
            .zip(chosen)
            .map(|(input, index)| {
                let mut random = random_of_image(configuration.seed, epoch, *index);
                examples.write(*index, Some(&mut random), input)?;
                Ok(mask(configuration.dropout, &mut random))
            })
            .collect::<Result<_, Error>>()?;
        let class = |index: &usize| examples.labels()[*index] as usize;
        let targets = chosen.iter().map(|index| Target { class: class(index), mixed: None });
        let mut batch = Self {
            inputs,
            input_values,
            view_values,
            targets: targets.collect(),
            soft_targets: Vec::new(),
            masks,
        };
        if let Some(first) = chosen.first().filter(|_| configuration.mixup > 0.0) {
            batch.mix(configuration.mixup, &mut random_of_batch(configuration.seed, epoch, *first));
        }
        let temperature = configuration.teacher_temperature as f32;
        batch.run_teachers(examples.teachers(), classes, temperature)?;
        Ok(batch)
    }

    fn run_teachers(
        &mut self,
        teachers: &[Arc<dyn Teacher>],
        classes: usize,
        temperature: f32,
    ) -> Result<(), Error> {
        if teachers.is_empty() {
            return Ok(());
        }
        let views = self.inputs.par_chunks(self.view_values);
        let views = views.map(|view| &view[self.input_values..]);
        self.soft_targets = views
            .map(|views| soft_target(teachers, views, classes, temperature))
            .collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Mixes each image with the next one in the random order (mixup, Zhang et al. 2018).
    fn mix(&mut self, alpha: f64, random: &mut ChaCha8Rng) {
        let drawn = beta(alpha, random);
        let share = drawn.min(1.0 - drawn) as f32;
        let next = |at: usize| (at + 1) % self.targets.len();
        let unmixed = self.inputs.clone();
        let inputs = self.inputs.par_chunks_mut(self.view_values).enumerate();
        inputs.for_each(|(at, input)| {
            let other = &unmixed[next(at) * self.view_values..][..input.len()];
            for (value, other) in input.iter_mut().zip(other) {
                *value += share * (other - *value);
            }
        });
        let classes: Vec<usize> = self.targets.iter().map(|target| target.class).collect();
        for (at, target) in self.targets.iter_mut().enumerate() {
            target.mixed = Some((classes[(at + 1) % classes.len()], share));
        }
    }

    /// The examples of the batch.
    pub(crate) fn examples(&self) -> Vec<Example<'_>> {
        let views = self.inputs.chunks_exact(self.view_values).enumerate();
        let rest = self.targets.iter().zip(&self.masks);
        views
            .zip(rest)
            .map(|((at, view), (target, mask))| Example {
                input: &view[..self.input_values],
                target: *target,
                soft_target: self.soft_targets.get(at).map(Vec::as_slice),
                mask: mask.as_deref(),
            })
            .collect()
    }
}

/// A dropout mask: 0 for a random share of the features, `1 / (1 - share)` for the others (Srivastava et al. 2014).
fn mask(share: f64, random: &mut ChaCha8Rng) -> Option<Vec<f32>> {
    let kept = (1.0 / (1.0 - share)) as f32;
    let threshold = share as f32;
    let factor = |_| {
        if random.random::<f32>() < threshold { 0.0 } else { kept }
    };
    (share > 0.0).then(|| (0..FEATURES).map(factor).collect())
}

/// The mean of the teachers' probabilities at this temperature, for the concatenated inputs `views`.
fn soft_target(
    teachers: &[Arc<dyn Teacher>],
    mut views: &[f32],
    classes: usize,
    temperature: f32,
) -> Result<Vec<f32>, Error> {
    let mut mean = vec![0.0; classes];
    for teacher in teachers {
        let (view, rest) = views.split_at(teacher.recipe().tensor_len());
        views = rest;
        let answer = teacher.answer(view).map_err(Error::Teacher)?;
        if answer.len() != classes || !answer.iter().all(|logit| logit.is_finite()) {
            let got = answer.len();
            return Err(Error::TeacherAnswer { classes, got });
        }
        let share = 1.0 / teachers.len() as f32;
        for (mean, probability) in mean.iter_mut().zip(softmax(&answer, temperature)) {
            *mean += share * probability;
        }
    }
    Ok(mean)
}

/// For the initial weights of the head.
pub(crate) fn random_initial(seed: u64) -> ChaCha8Rng {
    stream(seed, 0)
}

/// For the order of the images in an epoch.
fn random_of_epoch(seed: u64, epoch: usize) -> ChaCha8Rng {
    stream(seed, epoch as u64 + 1)
}

/// For the augmentation of an image in an epoch, regardless of batch and thread.
fn random_of_image(seed: u64, epoch: usize, image: usize) -> ChaCha8Rng {
    stream(seed ^ IMAGES, (epoch as u64) << 32 | image as u64)
}

/// For mixup in the batch whose first image is `first`.
fn random_of_batch(seed: u64, epoch: usize, first: usize) -> ChaCha8Rng {
    stream(seed ^ BATCHES, (epoch as u64) << 32 | first as u64)
}

fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}

/// Samples the symmetric beta distribution for positive `alpha` (Jöhnk 1964).
fn beta(alpha: f64, random: &mut ChaCha8Rng) -> f64 {
    loop {
        let one = random.random::<f64>().powf(1.0 / alpha);
        let other = random.random::<f64>().powf(1.0 / alpha);
        let sum = one + other;
        if sum > 0.0 && sum <= 1.0 {
            return one / sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beta_distribution_has_its_mean_and_variance() {
        let mut random = random_initial(1);
        for alpha in [0.2, 1.0] {
            let draws: Vec<f64> = (0..20_000).map(|_| beta(alpha, &mut random)).collect();
            let mean = draws.iter().sum::<f64>() / 20_000.0;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0;
            assert!((mean - 0.5).abs() < 0.01, "{mean}");
            // α² / ((2α)² (2α + 1)) for equal parameters.
            assert!((variance - 0.25 / (2.0 * alpha + 1.0)).abs() < 0.005, "{variance}");
        }
    }

    #[test]
    fn streams_differ() {
        let first = |mut random: ChaCha8Rng| random.random::<u64>();
        let draws = [
            first(random_initial(1)),
            first(random_of_epoch(1, 0)),
            first(random_of_epoch(1, 1)),
            first(random_of_image(1, 0, 0)),
            first(random_of_image(1, 0, 1)),
            first(random_of_image(1, 1, 0)),
        ];
        for (at, draw) in draws.iter().enumerate() {
            assert!(!draws[..at].contains(draw));
        }
    }
}
