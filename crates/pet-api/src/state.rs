//! The state that handlers share.

use std::hint::black_box;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::{self, Data};
use pet_image::Cost;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::configuration::Configuration;
use crate::error::{ApiError, Code};
use crate::feedback::Feedback;
use crate::loaded_model::LoadedModel;
use crate::memory::UploadMemory;
use crate::metrics::Metrics;
use crate::models::Models;
use crate::queue::Queue;
use crate::trace::Tracer;

/// Shared by all handlers, as `web::Data<State>`.
pub(crate) struct State {
    pub(crate) configuration: Configuration,
    pub(crate) queue: Queue,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) models: Arc<Models>,
    pub(crate) memory: Arc<UploadMemory>,
    /// The store of corrections, where the service keeps them.
    pub(crate) feedback: Option<Arc<Feedback>>,
    /// When the service began to stop.
    pub(crate) draining: OnceLock<Instant>,
    /// Cancelled when no more connections are accepted.
    pub(crate) stopped: CancellationToken,
}

impl State {
    /// The state of the service that received a request.
    pub(crate) fn of(request: &HttpRequest) -> Result<Data<Self>, ApiError> {
        let state = request.app_data::<Data<Self>>().cloned();
        state.ok_or_else(|| ApiError::new(Code::Internal, "the service has no state"))
    }

    pub(crate) fn tracer(&self) -> Option<&dyn Tracer> {
        self.configuration.tracer.as_deref()
    }

    /// When a request that starts now must be answered.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.configuration.request_timeout
    }

    pub(crate) fn cost(&self, model: &LoadedModel, photograph: &[u8]) -> Cost {
        let recipe = &model.metadata().preprocess;
        recipe.cost(photograph, &self.configuration.limits)
    }

    /// Loads, unloads or lists models on a thread where that may block.
    pub(crate) async fn with_models<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Models) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let models = self.models.clone();
        web::block(move || work(&models)).await.map_err(ApiError::internal)?
    }

    /// Checks the value of the header `Authorization` of an administrative request.
    pub(crate) fn authorize(&self, given: Option<&[u8]>) -> Result<(), ApiError> {
        let Some(token) = &self.configuration.admin_token else {
            let detail = "the service runs without an admin token";
            return Err(ApiError::new(Code::NotFound, detail));
        };
        let given = given.and_then(|given| given.strip_prefix(b"Bearer "));
        if given.is_some_and(|given| constant_time_eq(given, token.as_bytes())) {
            return Ok(());
        }
        let detail = "the admin token is missing or wrong";
        let hint = "send it as `Authorization: Bearer TOKEN`";
        Err(ApiError::new(Code::Unauthorized, detail).with_hint(hint))
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.draining.get().is_none()
    }

    pub(crate) fn check_ready(&self) -> Result<(), ApiError> {
        if self.is_ready() { Ok(()) } else { Err(ApiError::stopping()) }
    }

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

/// Compares in a time that does not depend on how much of a guess is right.
fn constant_time_eq(given: &[u8], expected: &[u8]) -> bool {
    let pairs = given.iter().zip(expected);
    let difference =
        pairs.fold(0, |difference, (one, other)| black_box(difference | (one ^ other)));
    given.len() == expected.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_accepted() {
        assert!(constant_time_eq(b"secret", b"secret"));
        for wrong in ["", "s", "secre", "secret1", "Secret"] {
            assert!(!constant_time_eq(wrong.as_bytes(), b"secret"), "{wrong}");
        }
    }
}
