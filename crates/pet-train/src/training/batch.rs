//! The batches of an epoch, with augmentation and mixup.

use std::sync::Arc;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::examples::Examples;
use super::gradient::Example;
use super::loss::Target;
use super::teacher::{self, Teacher};
use super::{Configuration, random};
use crate::Error;
use crate::network::FEATURES;

/// The random order of `count` images in an epoch.
pub(crate) fn order(count: usize, epoch: usize, configuration: &Configuration) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut random::of_epoch(configuration.seed, epoch));
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

impl Batch {
    /// Prepares the images `chosen` for `epoch`. The teachers see them after mixup, like the network.
    pub(crate) fn make(
        chosen: &[usize],
        epoch: usize,
        examples: &dyn Examples,
        classes: usize,
        configuration: &Configuration,
    ) -> Result<Self, Error> {
        let input_values = examples.input_values();
        let view_values = input_values + teacher::view_values(examples.teachers());
        let mut inputs = vec![0.0; chosen.len() * view_values];
        let masks = inputs
            .par_chunks_mut(view_values)
            .zip(chosen)
            .map(|(input, index)| {
                let mut random = random::of_image(configuration.seed, epoch, *index);
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
            batch
                .mix(configuration.mixup, &mut random::of_batch(configuration.seed, epoch, *first));
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
            .map(|views| teacher::soft_target(teachers, views, classes, temperature))
            .collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Mixes each image with the next one in the random order (mixup, Zhang et al. 2018).
    fn mix(&mut self, alpha: f64, random: &mut ChaCha8Rng) {
        let drawn = random::beta(alpha, random);
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
