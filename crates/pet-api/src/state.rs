//! The state that handlers share.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use pet_image::Cost;

use crate::configuration::Configuration;
use crate::error::{ApiError, Code, error_chain};
use crate::feedback::Feedback;
use crate::loaded_model::LoadedModel;
use crate::memory::UploadMemory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::Queue;
use crate::repository::IndexEntry;
use crate::trace::Tracer;
use crate::traffic_split::TrafficSplit;

/// Shared by all handlers, as `web::Data<State>`.
pub(crate) struct State {
    /// The settings of the service.
    pub(crate) configuration: Configuration,
    /// Work for the workers.
    pub(crate) queue: Queue,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// The models.
    pub(crate) models: Arc<Models>,
    /// The memory for uploads.
    pub(crate) memory: Arc<UploadMemory>,
    /// The store of corrections, where the service keeps them.
    pub(crate) feedback: Option<Arc<Feedback>>,
    /// When the service began to stop.
    draining: OnceLock<Instant>,
}

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        queue: Queue,
        metrics: Arc<Metrics>,
        models: Arc<Models>,
        memory: Arc<UploadMemory>,
        feedback: Option<Arc<Feedback>>,
    ) -> Self {
        Self { configuration, queue, metrics, models, memory, feedback, draining: OnceLock::new() }
    }

    /// The state of the service that received a request.
    pub(crate) fn of(request: &HttpRequest) -> Result<Data<Self>, ApiError> {
        let state = request.app_data::<Data<Self>>().cloned();
        state.ok_or_else(|| ApiError::new(Code::Internal, "the service has no state"))
    }

    /// The models for requests that name none. A request keeps the models that it started with.
    pub(crate) fn split(&self) -> TrafficSplit {
        self.models.split()
    }

    /// The tracer, if spans are collected.
    pub(crate) fn tracer(&self) -> Option<&dyn Tracer> {
        self.configuration.tracer.as_deref()
    }

    /// The cost of predicting a photograph with this model.
    pub(crate) fn cost(&self, model: &LoadedModel, photograph: &[u8]) -> Cost {
        let recipe = &model.metadata().preprocess;
        recipe.cost(photograph, &self.configuration.limits)
    }

    /// Reloads every model; one that fails to load is kept as it was.
    pub(crate) async fn reload(&self) -> Result<Arc<LoadedModel>, ApiError> {
        let reloaded = self.run_blocking(Models::reload).await?;
        reloaded.map_err(|error| {
            let detail = format!("{}; the old model is still served", error_chain(&error));
            ApiError::new(Code::Internal, detail).with_hint(error.hint())
        })
    }

    /// Loads a model of the repository.
    pub(crate) async fn load(&self, name: String) -> Result<IndexEntry, ApiError> {
        self.run_blocking(move |models| models.load_named(&name)).await?
    }

    /// Unloads a model of the repository.
    pub(crate) async fn unload(&self, name: String) -> Result<IndexEntry, ApiError> {
        self.run_blocking(move |models| models.unload_named(&name)).await?
    }

    /// Every model that a request can name, loaded or not.
    pub(crate) async fn index(&self) -> Result<Vec<IndexEntry>, ApiError> {
        let index = self.run_blocking(Models::index).await?;
        index.map_err(|error| ApiError::internal(&error))
    }

    /// Runs slow work on a thread where it may block.
    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Models) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let models = self.models.clone();
        let done = web::block(move || work(&models)).await;
        done.map_err(|error| ApiError::internal(&error))
    }

    /// Whether the service accepts requests.
    pub(crate) fn is_ready(&self) -> bool {
        self.draining.get().is_none()
    }

    /// Fails when the service is stopping.
    pub(crate) fn check_ready(&self) -> Result<(), ApiError> {
        if self.is_ready() { Ok(()) } else { Err(ApiError::stopping()) }
    }

    /// Reports the service as not ready from now on.
    pub(crate) fn start_draining(&self) {
        let _ = self.draining.set(Instant::now());
    }

    /// Time left to stop in; 0 before the service is told to stop.
    pub(crate) fn time_to_stop(&self) -> Duration {
        let Configuration { notice, grace, .. } = &self.configuration;
        let since = self.draining.get().map(Instant::elapsed);
        since.map_or(Duration::ZERO, |since| (*notice + *grace).saturating_sub(since))
    }
}
