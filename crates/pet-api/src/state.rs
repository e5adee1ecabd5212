//! What the handlers share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::web;

use pet_image::Cost;

use crate::choice::Choice;
use crate::configuration::Configuration;
use crate::error::{ApiError, Code, explained};
use crate::feedback::Feedback;
use crate::memory::Memory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::Queue;
use crate::repository::IndexEntry;
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

    /// The models that answer requests which name none. A request keeps those that it begins with.
    pub(crate) fn choice(&self) -> Choice {
        self.models.choice()
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

    /// Loads every model again; one that does not load stays as it was.
    pub(crate) async fn reload(&self) -> Result<Arc<Served>, ApiError> {
        let reloaded = self.aside(Models::reload).await?;
        reloaded.map_err(|error| {
            let detail = format!("{}; the old model is still served", explained(&error));
            ApiError::new(Code::Internal, detail).with_hint(error.hint())
        })
    }

    /// Loads a model of the repository.
    pub(crate) async fn load(&self, name: String) -> Result<IndexEntry, ApiError> {
        self.aside(move |models| models.load_named(&name)).await?
    }

    /// Unloads a model of the repository.
    pub(crate) async fn unload(&self, name: String) -> Result<IndexEntry, ApiError> {
        self.aside(move |models| models.unload_named(&name)).await?
    }

    /// All models that can be named, loaded or not.
    pub(crate) async fn index(&self) -> Result<Vec<IndexEntry>, ApiError> {
        let index = self.aside(Models::index).await?;
        index.map_err(|error| ApiError::internal(&error))
    }

    /// Runs slow work on a thread that may block.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Models) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let models = self.models.clone();
        let done = web::block(move || work(&models)).await;
        done.map_err(|error| ApiError::internal(&error))
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
