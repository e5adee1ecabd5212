//! The batches of an epoch: which images, changed and mixed how.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::examples::Examples;
use super::gradient::Shown;
use super::loss::Target;
use super::{Configuration, random};
use crate::Error;
use crate::network::FEATURES;

/// The order in which an epoch shows `count` images.
pub(crate) fn order(count: usize, epoch: usize, configuration: &Configuration) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut random::of_epoch(configuration.seed, epoch));
    order
}

/// One batch, ready to be shown.
pub(crate) struct Batch {
    inputs: Vec<f32>,
    input_values: usize,
    targets: Vec<Target>,
    masks: Vec<Option<Vec<f32>>>,
}

impl Batch {
    /// Makes the inputs of the images `chosen` for `epoch`.
    pub(crate) fn make(
        chosen: &[usize],
        epoch: usize,
        examples: &dyn Examples,
        configuration: &Configuration,
    ) -> Result<Self, Error> {
        let input_values = examples.input_values();
        let mut inputs = vec![0.0; chosen.len() * input_values];
        let masks = inputs
            .par_chunks_mut(input_values)
            .zip(chosen)
            .map(|(input, index)| {
                let mut random = random::of_image(configuration.seed, epoch, *index);
                examples.write(*index, Some(&mut random), input)?;
                Ok(mask(configuration.dropout, &mut random))
            })
            .collect::<Result<_, Error>>()?;
        let class = |index: &usize| examples.labels()[*index] as usize;
        let targets = chosen.iter().map(|index| Target {
            class: class(index),
            mixed: None,
        });
        let mut batch = Self {
            inputs,
            input_values,
            targets: targets.collect(),
            masks,
        };
        if let Some(first) = chosen.first().filter(|_| configuration.mixup > 0.0) {
            batch.mix(
                configuration.mixup,
                &mut random::of_batch(configuration.seed, epoch, *first),
            );
        }
        Ok(batch)
    }

    /// Mixes each image with the next (Zhang et al. 2018); their order is random already.
    fn mix(&mut self, alpha: f64, random: &mut ChaCha8Rng) {
        let drawn = random::beta(alpha, random);
        let share = drawn.min(1.0 - drawn) as f32;
        let next = |at: usize| (at + 1) % self.targets.len();
        let sharp = self.inputs.clone();
        let inputs = self.inputs.par_chunks_mut(self.input_values).enumerate();
        inputs.for_each(|(at, input)| {
            let other = &sharp[next(at) * self.input_values..][..input.len()];
            for (value, other) in input.iter_mut().zip(other) {
                *value += share * (other - *value);
            }
        });
        let classes: Vec<usize> = self.targets.iter().map(|target| target.class).collect();
        for (at, target) in self.targets.iter_mut().enumerate() {
            target.mixed = Some((classes[(at + 1) % classes.len()], share));
        }
    }

    /// The images as the network takes them.
    pub(crate) fn shown(self: &Batch) -> Vec<Shown<'_>> {
        let inputs = self.inputs.chunks_exact(self.input_values);
        let rest = self.targets.iter().zip(&self.masks);
        inputs
            .zip(rest)
            .map(|(input, (target, mask))| Shown {
                input,
                target: *target,
                mask: mask.as_deref(),
            })
            .collect()
    }
}

/// Zero for a random share of the features, and for the others what makes up for it (Srivastava et al. 2014).
fn mask(share: f64, random: &mut ChaCha8Rng) -> Option<Vec<f32>> {
    let kept = (1.0 / (1.0 - share)) as f32;
    let threshold = share as f32;
    let factor = |_| {
        if random.random::<f32>() < threshold {
            0.0
        } else {
            kept
        }
    };
    (share > 0.0).then(|| (0..FEATURES).map(factor).collect())
}
