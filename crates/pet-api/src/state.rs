//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::web;

use pet_image::Cost;

use crate::configuration::Configuration;
use crate::error::{ApiError, Code, explained};
use crate::feedback::Feedback;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::queue::Queue;
use crate::served::{Served, Slot};

/// Shared by all handlers, as `web::Data<State>`.
pub(crate) struct State {
    /// How the service runs.
    pub(crate) configuration: Configuration,
    /// Takes work; see [`worker`](crate::worker).
    pub(crate) queue: Queue,
    /// Counts.
    pub(crate) metrics: Arc<Metrics>,
    /// The served model.
    pub(crate) slot: Arc<Slot>,
    /// The memory that uploads share.
    pub(crate) memory: Memory,
    /// Corrections, where they are kept.
    pub(crate) feedback: Option<Arc<Feedback>>,
    draining: AtomicBool,
}

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        queue: Queue,
        metrics: Arc<Metrics>,
        slot: Arc<Slot>,
        feedback: Option<Arc<Feedback>>,
    ) -> Self {
        Self {
            memory: Memory::new(configuration.memory),
            configuration,
            queue,
            metrics,
            slot,
            feedback,
            draining: AtomicBool::new(false),
        }
    }

    /// The model that is served now. Work asks its [`Worker`](crate::worker::Worker) instead.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.slot.served()
    }

    /// What a prediction for a photograph takes.
    pub(crate) fn cost(&self, photograph: &[u8]) -> Cost {
        let served = self.served();
        let recipe = &served.metadata().preprocess;
        recipe.cost(photograph, &self.configuration.limits)
    }

    /// Serves the model that lies in the results folder now; keeps the one before if it does not load.
    pub(crate) async fn reload(&self) -> Result<Arc<Served>, ApiError> {
        let slot = self.slot.clone();
        let loaded = web::block(move || slot.reload()).await;
        let served = loaded.map_err(|error| ApiError::internal(&error))?;
        let served = served.map_err(|error| {
            let reason = explained(&error);
            tracing::warn!(
                reason,
                "the model was not reloaded; the old one is still served"
            );
            let detail = format!("{reason}; the old model is still served");
            ApiError::new(Code::Internal, detail).with_hint(error.hint())
        })?;
        self.metrics.serves(served.metadata());
        let version = served.metadata().model_version.as_deref();
        tracing::info!(version, "the model was reloaded");
        Ok(served)
    }

    /// Whether requests are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// From now on the service is not ready.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
