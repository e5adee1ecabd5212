//! What the handlers share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::web;

use pet_image::Cost;

use crate::configuration::Configuration;
use crate::error::{ApiError, Code, explained};
use crate::feedback::Feedback;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::models::{Choice, Models};
use crate::queue::Queue;
use crate::served::Served;
use crate::trace::Tracer;

/// Shared by all handlers, as `web::Data<State>`.
pub(crate) struct State {
    /// How the service runs.
    pub(crate) configuration: Configuration,
    /// Takes work; see [`worker`](crate::worker).
    pub(crate) queue: Queue,
    /// Counts.
    pub(crate) metrics: Arc<Metrics>,
    /// The models.
    pub(crate) models: Arc<Models>,
    /// The memory that uploads share.
    pub(crate) memory: Arc<Memory>,
    /// Corrections, where they are kept.
    pub(crate) feedback: Option<Arc<Feedback>>,
    draining: OnceLock<Instant>,
}

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        queue: Queue,
        metrics: Arc<Metrics>,
        models: Arc<Models>,
        memory: Arc<Memory>,
        feedback: Option<Arc<Feedback>>,
    ) -> Self {
        Self {
            configuration,
            queue,
            metrics,
            models,
            memory,
            feedback,
            draining: OnceLock::new(),
        }
    }

    /// The models that answer now. A request keeps those that it begins with.
    pub(crate) fn choice(&self) -> Choice {
        self.models.choice()
    }

    /// The model that is served now.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.choice().served
    }

    /// Who collects spans, if anybody does.
    pub(crate) fn tracer(&self) -> Option<&dyn Tracer> {
        self.configuration.tracer.as_deref()
    }

    /// What a prediction of this model for a photograph takes.
    pub(crate) fn cost(&self, served: &Served, photograph: &[u8]) -> Cost {
        let recipe = &served.metadata().preprocess;
        recipe.cost(photograph, &self.configuration.limits)
    }

    /// Serves the models that lie in their folders now; keeps those before if one does not load.
    pub(crate) async fn reload(&self) -> Result<Arc<Served>, ApiError> {
        let models = self.models.clone();
        let loaded = web::block(move || models.reload()).await;
        let generation = loaded.map_err(|error| ApiError::internal(&error))?;
        let generation = generation.map_err(|error| {
            let reason = explained(&error);
            tracing::warn!(
                reason,
                "the model was not reloaded; the old one is still served"
            );
            let detail = format!("{reason}; the old model is still served");
            ApiError::new(Code::Internal, detail).with_hint(error.hint())
        })?;
        generation.announce(&self.metrics, "the model was reloaded");
        Ok(generation.choice.served)
    }

    /// Whether requests are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        self.draining.get().is_none()
    }

    /// That requests are welcome: the model is loaded and the service is not stopping.
    pub(crate) fn check_ready(&self) -> Result<(), ApiError> {
        if self.is_ready() {
            Ok(())
        } else {
            Err(ApiError::new(Code::NotReady, "the service is stopping"))
        }
    }

    /// From now on the service is not ready.
    pub(crate) fn drain(&self) {
        let _ = self.draining.set(Instant::now());
    }

    /// What is left of the time to stop in; none of it is where the service was not told to.
    pub(crate) fn time_to_stop(&self) -> Duration {
        let Configuration { notice, grace, .. } = &self.configuration;
        let since = self.draining.get().map(Instant::elapsed);
        since.map_or(Duration::ZERO, |since| {
            (*notice + *grace).saturating_sub(since)
        })
    }
}
