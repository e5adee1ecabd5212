//! One run of an experiment.

use pet_train::{Configuration, EpochMetrics};

use super::parameters;

/// What a run is to be.
pub(crate) struct Job<'a> {
    /// The run's name.
    pub(crate) name: String,
    pub(crate) configuration: &'a Configuration,
    /// Labels besides those that every run has.
    pub(crate) tags: Vec<(&'static str, String)>,
    /// Only a model that is better is registered: validation accuracy, then the loss below zero.
    pub(crate) better_than: Option<(f64, f64)>,
}

impl<'a> Job<'a> {
    /// A run whose model is registered, named by its configuration.
    pub(super) fn new(configuration: &'a Configuration) -> Self {
        Self {
            name: parameters::run_name(configuration),
            configuration,
            tags: Vec::new(),
            better_than: None,
        }
    }

    pub(super) fn registers(&self, best: &EpochMetrics) -> bool {
        let score = (best.val_acc, -best.val_loss);
        self.better_than.is_none_or(|other| score > other)
    }
}
