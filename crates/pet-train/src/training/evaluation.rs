//! Evaluation on examples without augmentation.

use rayon::prelude::*;

use super::examples::Examples;
use super::gradient::Workspaces;
use super::layout::Layout;
use super::loss::{Target, cross_entropy};
use super::network::Network;
use crate::{Error, Interrupt};

/// The result of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Evaluation {
    /// Mean cross-entropy in nats.
    pub(crate) loss: f64,
    /// Share of correctly classified examples, 0 to 1.
    pub(crate) accuracy: f64,
    /// `[images, classes]`.
    pub(crate) logits: Vec<Vec<f32>>,
}

/// Images between two reports of progress, enough to keep many cores busy.
const CHUNK: usize = 64;

/// Examples with the network for their size.
pub(crate) struct Validation<'a> {
    network: Network,
    examples: &'a dyn Examples,
}

impl<'a> Validation<'a> {
    pub(crate) fn new(layout: &Layout, examples: &'a dyn Examples) -> Result<Self, Error> {
        Ok(Self { network: Network::new(layout, examples.input_values())?, examples })
    }

    /// Runs the network with folded values on all examples; `done` gets the number of images of each chunk.
    pub(crate) fn run(
        &self,
        folded: &[f32],
        interrupt: &Interrupt,
        mut done: impl FnMut(usize),
    ) -> Result<Evaluation, Error> {
        let Self { network, examples } = self;
        let workspaces = Workspaces::new(network);
        let one = |index: usize| {
            interrupt.check()?;
            let mut input = vec![0.0; examples.input_values()];
            examples.write(index, None, &mut input)?;
            let target = Target { class: examples.labels()[index] as usize, mixed: None };
            Ok(workspaces.with(|workspace| {
                network.forward(folded, &input, None, workspace);
                let logits = workspace.logits.clone();
                let outcome = cross_entropy(&mut workspace.logits, target, 0.0);
                (outcome, logits)
            }))
        };
        let count = examples.labels().len();
        let mut outcomes = Vec::with_capacity(count);
        for start in (0..count).step_by(CHUNK) {
            let chunk = start..count.min(start + CHUNK);
            let images = chunk.len();
            let evaluated = chunk.into_par_iter().map(one);
            outcomes.append(&mut evaluated.collect::<Result<Vec<_>, Error>>()?);
            done(images);
        }
        let loss: f64 = outcomes.iter().map(|(outcome, _)| outcome.loss).sum();
        let right = outcomes.iter().filter(|(outcome, _)| outcome.right).count();
        Ok(Evaluation {
            loss: loss / count as f64,
            accuracy: right as f64 / count as f64,
            logits: outcomes.into_iter().map(|(_, row)| row).collect(),
        })
    }
}
