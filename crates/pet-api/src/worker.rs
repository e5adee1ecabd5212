//! What a piece of work has at hand.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web::Bytes;
use pet_predict::{Error, Explanation, Prediction};

use crate::error::{ApiError, Code};
use crate::metrics::Metrics;
use crate::served::{Role, Served};
use crate::shadow::Shadow;

/// What a piece of work has at hand: models that are run on its thread, counted and timed.
pub(crate) struct Worker {
    metrics: Arc<Metrics>,
    shadow: Option<Shadow>,
}

impl Worker {
    pub(crate) fn new(metrics: Arc<Metrics>, shadow: Option<Shadow>) -> Self {
        Self { metrics, shadow }
    }

    /// Answers with the class of a photograph; the shadow may answer it too, later.
    pub(crate) fn answer(
        &self,
        served: &Served,
        photograph: &Bytes,
    ) -> Result<Prediction, ApiError> {
        let prediction = self.predict(served, photograph)?;
        // It is compared with the model that it may replace, not with another successor.
        if let Some(shadow) = &self.shadow
            && served.role() == Role::Served
        {
            shadow.offer(photograph, &prediction);
        }
        Ok(prediction)
    }

    /// Predicts the class of a photograph; records how long each phase took.
    pub(crate) fn predict(
        &self,
        served: &Served,
        photograph: &[u8],
    ) -> Result<Prediction, ApiError> {
        let prediction = served.run(|session| session.predict(photograph));
        let prediction = prediction.map_err(|error| self.refusal(served, &error))?;
        self.count(served, &prediction);
        // Not so an explanation: it is of a photograph that was predicted before.
        if let Some(drift) = served.drift() {
            drift.observe(&prediction.observation());
        }
        let took = prediction.timing().total();
        self.metrics.models.ran(served.loaded(), took);
        Ok(prediction)
    }

    /// Explains what speaks on a photograph for a class, or for the most probable one.
    pub(crate) fn explain(
        &self,
        served: &Served,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, ApiError> {
        let explanation = served.explain(photograph, class);
        let explanation = explanation.map_err(|error| self.refusal(served, &error))?;
        self.count(served, &explanation.prediction);
        Ok(explanation)
    }

    /// Counts an answer.
    fn count(&self, served: &Served, prediction: &Prediction) {
        self.metrics.timed(prediction.timing());
        if served.role().has_served_classes() {
            self.metrics.predicted(prediction);
        }
    }

    /// Runs the model on `batch` images that are tensors already, and gives its logits.
    pub(crate) fn run_tensor(
        &self,
        served: &Served,
        tensor: &[f32],
        batch: usize,
    ) -> Result<Vec<f32>, ApiError> {
        let start = Instant::now();
        let logits = served.run(|session| session.run_tensor(tensor, batch));
        let logits = logits.map_err(|error| self.refusal(served, &error))?;
        self.metrics.inferred(start.elapsed());
        Ok(logits)
    }

    /// Why there is no answer; what the model itself failed on is counted.
    fn refusal(&self, served: &Served, error: &Error) -> ApiError {
        let refusal = ApiError::prediction(error);
        if refusal.code == Code::Internal {
            self.metrics.models.failed(served.loaded());
        }
        refusal
    }
}
