//! The gradient of a batch.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::loss::{Loss, Outcome, Target};
use super::network::{Network, Workspace};

/// Parts of a batch, computed in parallel. Constant, so that the order of additions does not depend on the number of
/// threads; enough for many cores, few enough to keep a gradient for each.
const GROUPS: usize = 8;
/// Values that a thread adds up at a time.
const BLOCK: usize = 1 << 16;

/// One example of a batch.
pub(crate) struct Example<'a> {
    pub(crate) input: &'a [f32],
    pub(crate) target: Target,
    /// The teachers' probability of each class.
    pub(crate) soft_target: Option<&'a [f32]>,
    /// The factor of each feature (dropout).
    pub(crate) mask: Option<&'a [f32]>,
}

/// Computes gradients of batches, reusing its buffers.
pub(crate) struct BatchGradient<'a> {
    network: &'a Network,
    loss: Loss,
    groups: Vec<Vec<f32>>,
    workspaces: Workspaces<'a>,
}

impl<'a> BatchGradient<'a> {
    pub(crate) fn new(network: &'a Network, values: usize, loss: Loss) -> Self {
        Self {
            network,
            loss,
            groups: vec![vec![0.0; values]; GROUPS],
            workspaces: Workspaces::new(network),
        }
    }

    /// Computes the mean gradient of the folded values over `batch`, and the outcome of each image.
    pub(crate) fn of(
        &mut self,
        folded: &[f32],
        batch: &[Example<'_>],
        gradient: &mut [f32],
    ) -> Vec<Outcome> {
        let Self { network, loss, groups, workspaces } = self;
        let in_group = batch.len().div_ceil(GROUPS).max(1);
        let outcomes: Vec<Vec<Outcome>> = batch
            .par_chunks(in_group)
            .zip(groups.par_iter_mut())
            .map(|(images, sums)| {
                sums.fill(0.0);
                workspaces.with(|workspace| {
                    let images = images.iter();
                    images
                        .map(|image| add_image(network, folded, image, *loss, workspace, sums))
                        .collect()
                })
            })
            .collect();
        mean(&groups[..outcomes.len()], batch.len(), gradient);
        outcomes.concat()
    }
}

fn add_image(
    network: &Network,
    folded: &[f32],
    image: &Example<'_>,
    loss: Loss,
    workspace: &mut Workspace,
    sums: &mut [f32],
) -> Outcome {
    let mask = image.mask;
    network.forward(folded, image.input, mask, workspace);
    let outcome = loss.of(&mut workspace.logits, image.target, image.soft_target);
    network.backward(folded, image.input, mask, workspace, sums);
    outcome
}

/// Adds the sums of all groups in order, and divides by the number of images.
fn mean(groups: &[Vec<f32>], images: usize, gradient: &mut [f32]) {
    let share = 1.0 / images as f32;
    let blocks = gradient.par_chunks_mut(BLOCK).enumerate();
    blocks.for_each(|(block, gradient)| {
        gradient.fill(0.0);
        for group in groups {
            let part = &group[block * BLOCK..][..gradient.len()];
            for (sum, value) in gradient.iter_mut().zip(part) {
                *sum += value;
            }
        }
        for sum in gradient {
            *sum *= share;
        }
    });
}

/// A pool of buffers, one per working thread.
pub(crate) struct Workspaces<'a> {
    network: &'a Network,
    idle: Mutex<Vec<Workspace>>,
}

impl<'a> Workspaces<'a> {
    pub(crate) fn new(network: &'a Network) -> Self {
        Self { network, idle: Mutex::default() }
    }

    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Workspace) -> T) -> T {
        let taken = self.lock().pop();
        let mut workspace = taken.unwrap_or_else(|| self.network.workspace());
        let result = work(&mut workspace);
        self.lock().push(workspace);
        result
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Workspace>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
