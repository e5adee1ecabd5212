//! Training steps by the gradient of a batch.

use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::batch::{Batch, Example};
use super::checkpoint::State;
use super::configuration::Configuration;
use super::layout::Layout;
use super::loss::{Loss, Outcome};
use super::network::{Network, Workspace};
use super::optimizer::Rates;

/// Parts of a batch, computed in parallel. Constant, so that the order of additions does not depend on the number of
/// threads; enough for many cores, few enough to keep a gradient for each.
const GROUPS: usize = 8;
/// Values that a thread adds up at a time.
const BLOCK: usize = 1 << 16;

/// Performs training steps, reusing its buffers.
pub(crate) struct Steps<'a> {
    layout: &'a Layout,
    network: &'a Network,
    loss: Loss,
    groups: Vec<Vec<f32>>,
    workspaces: Workspaces<'a>,
}

impl<'a> Steps<'a> {
    pub(crate) fn new(
        network: &'a Network,
        layout: &'a Layout,
        configuration: &Configuration,
    ) -> Self {
        Self {
            layout,
            network,
            loss: Loss::new(configuration),
            groups: vec![vec![0.0; layout.len()]; GROUPS],
            workspaces: Workspaces::new(network),
        }
    }

    /// Updates the values of `state` by the gradient of `batch`, and returns the outcome of each image before.
    pub(crate) fn step(&mut self, state: &mut State, batch: &Batch, rates: Rates) -> Vec<Outcome> {
        let folded = self.layout.fold(&state.values);
        let mut gradient = vec![0.0; state.values.len()];
        let outcomes = self.gradient(&folded, &batch.examples(), &mut gradient);
        self.layout.unfold_gradient(&state.values, &mut gradient);
        state.optimizer.step(&mut state.values, &gradient, rates);
        outcomes
    }

    /// Computes the mean gradient of the folded values over `batch`, and the outcome of each image.
    pub(crate) fn gradient(
        &mut self,
        folded: &[f32],
        batch: &[Example<'_>],
        gradient: &mut [f32],
    ) -> Vec<Outcome> {
        let Self { network, loss, groups, workspaces, .. } = self;
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
