//! Training steps.

use super::Configuration;
use super::batch::Batch;
use super::folding::{fold, unfold_gradient};
use super::gradient::BatchGradient;
use super::layout::Layout;
use super::loss::{Loss, Outcome};
use super::network::Network;
use super::optimizer::Rates;
use super::state::State;

/// Performs training steps, reusing its buffers.
pub(super) struct Steps<'a> {
    layout: &'a Layout,
    gradient: BatchGradient<'a>,
}

impl<'a> Steps<'a> {
    pub(super) fn new(
        network: &'a Network,
        layout: &'a Layout,
        configuration: &Configuration,
    ) -> Self {
        Self {
            layout,
            gradient: BatchGradient::new(network, layout.len(), Loss::new(configuration)),
        }
    }

    /// Updates the values of `state` by the gradient of `batch`, and returns the outcome of each image before.
    pub(super) fn step(&mut self, state: &mut State, batch: &Batch, rates: Rates) -> Vec<Outcome> {
        let folded = fold(self.layout, &state.values);
        let mut gradient = vec![0.0; state.values.len()];
        let outcomes = self.gradient.of(&folded, &batch.examples(), &mut gradient);
        unfold_gradient(self.layout, &state.values, &mut gradient);
        state.optimizer.step(&mut state.values, &gradient, rates);
        outcomes
    }
}
