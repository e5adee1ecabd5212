//! The batches of an epoch: which images, changed and mixed how.

use std::sync::Arc;

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::examples::Examples;
use super::gradient::Shown;
use super::loss::Target;
use super::teacher::{self, Teacher};
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
    /// Of the network's input.
    input_values: usize,
    /// Of that and of what the teachers are shown.
    view_values: usize,
    targets: Vec<Target>,
    /// What the teachers answer, if there are any.
    taught: Vec<Vec<f32>>,
    masks: Vec<Option<Vec<f32>>>,
}

impl Batch {
    /// Makes the inputs of the images `chosen` for `epoch`, and asks the teachers about them: after images were mixed,
    /// since the teachers are to see what the network sees.
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
        let targets = chosen.iter().map(|index| Target {
            class: class(index),
            mixed: None,
        });
        let mut batch = Self {
            inputs,
            input_values,
            view_values,
            targets: targets.collect(),
            taught: Vec::new(),
            masks,
        };
        if let Some(first) = chosen.first().filter(|_| configuration.mixup > 0.0) {
            batch.mix(
                configuration.mixup,
                &mut random::of_batch(configuration.seed, epoch, *first),
            );
        }
        let temperature = configuration.teacher_temperature as f32;
        batch.ask(examples.teachers(), classes, temperature)?;
        Ok(batch)
    }

    fn ask(
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
        let answers = views.map(|views| teacher::ask(teachers, views, classes, temperature));
        self.taught = answers.collect::<Result<_, Error>>()?;
        Ok(())
    }

    /// Mixes each image with the next (Zhang et al. 2018); their order is random already.
    fn mix(&mut self, alpha: f64, random: &mut ChaCha8Rng) {
        let drawn = random::beta(alpha, random);
        let share = drawn.min(1.0 - drawn) as f32;
        let next = |at: usize| (at + 1) % self.targets.len();
        let sharp = self.inputs.clone();
        let inputs = self.inputs.par_chunks_mut(self.view_values).enumerate();
        inputs.for_each(|(at, input)| {
            let other = &sharp[next(at) * self.view_values..][..input.len()];
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
        let views = self.inputs.chunks_exact(self.view_values).enumerate();
        let rest = self.targets.iter().zip(&self.masks);
        views
            .zip(rest)
            .map(|((at, view), (target, mask))| Shown {
                input: &view[..self.input_values],
                target: *target,
                taught: self.taught.get(at).map(Vec::as_slice),
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
