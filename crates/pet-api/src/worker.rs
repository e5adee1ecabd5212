//! The worker that the jobs of the queue run on.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web::Bytes;
use pet_predict::{Error, Explanation, Prediction};

use crate::configuration::Role;
use crate::error::{ApiError, Code};
use crate::loaded_model::LoadedModel;
use crate::metrics::Metrics;
use crate::shadow::Shadow;

/// Runs models on the current thread, and records metrics.
pub(crate) struct Worker {
    metrics: Arc<Metrics>,
    shadow: Option<Shadow>,
}

impl Worker {
    pub(crate) fn new(metrics: Arc<Metrics>, shadow: Option<Shadow>) -> Self {
        Self { metrics, shadow }
    }

    /// Predicts the class of a new photograph, and offers it to the shadow.
    pub(crate) fn answer(
        &self,
        model: &LoadedModel,
        photograph: &Bytes,
    ) -> Result<Prediction, ApiError> {
        let prediction = self.predict(model, photograph)?;
        // Only here, since a photograph that is explained or corrected was predicted before.
        if let Some(drift) = &model.drift {
            drift.observe(&prediction.observation());
        }
        // The shadow is compared with the model that it may replace, not with the canary.
        if let Some(shadow) = &self.shadow
            && model.role == Role::Served
        {
            shadow.offer(photograph, &prediction);
        }
        Ok(prediction)
    }

    /// Predicts the class of a photograph.
    pub(crate) fn predict(
        &self,
        model: &LoadedModel,
        photograph: &[u8],
    ) -> Result<Prediction, ApiError> {
        let prediction = model.run(|session| session.predict(photograph));
        let prediction = prediction.map_err(|error| self.error(model, error))?;
        self.count(model, &prediction);
        let took = prediction.timing().total();
        self.metrics.models.observe_duration(model.labels(), took);
        Ok(prediction)
    }

    /// Explains which regions of a photograph support a class, by default the most probable one.
    pub(crate) fn explain(
        &self,
        model: &LoadedModel,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, ApiError> {
        let explanation = model.explain(|explainer| explainer.explain(photograph, class));
        let explanation = explanation.map_err(|error| self.error(model, error))?;
        self.count(model, &explanation.prediction);
        Ok(explanation)
    }

    fn count(&self, model: &LoadedModel, prediction: &Prediction) {
        self.metrics.observe_timing(prediction.timing());
        if model.role.has_served_classes() {
            self.metrics.count_prediction(prediction);
        }
    }

    /// Runs the model on a preprocessed image, and returns its logits.
    pub(crate) fn run_tensor(
        &self,
        model: &LoadedModel,
        tensor: &[f32],
    ) -> Result<Vec<f32>, ApiError> {
        let start = Instant::now();
        let logits = model.run(|session| session.run_tensor(tensor, 1));
        let logits = logits.map_err(|error| self.error(model, error))?;
        self.metrics.inference_seconds.observe(start.elapsed().as_secs_f64());
        Ok(logits)
    }

    /// Converts an error, and counts a failure of the model itself.
    fn error(&self, model: &LoadedModel, error: Error) -> ApiError {
        let error = ApiError::from(error);
        if error.code == Code::Internal {
            self.metrics.models.count_failure(model.labels());
        }
        error
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pet_image::{Cost, Format};
    use pet_tests::gradient;

    use super::*;
    use crate::block_on;
    use crate::loaded_model::tests::model_for_two_workers;
    use crate::queue::{Queue, start};

    /// One explanation waits in the middle for another, which would be late if it needed the same worker or explainer.
    #[test]
    fn workers_explain_at_the_same_time() {
        let Some((place, loader)) = model_for_two_workers() else {
            return;
        };
        let model = loader.load(&place.path().into(), Role::Served, None);
        let (model, photograph) = (model.unwrap(), gradient(60, 40, Format::Png));
        let metrics = Arc::new(Metrics::new().unwrap());
        let queue = Queue::new(2, 1, 1 << 30, metrics.clone());
        let threads = start(2, &queue, || Worker::new(metrics.clone(), None)).unwrap();

        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        let (inner, bytes) = (queue.clone(), photograph.clone());
        let explain_two = move |_: &Worker| {
            let both = model.explain(|explainer| {
                let again = model.clone();
                let explain = move |worker: &Worker| worker.explain(&again, &bytes, None);
                let other = block_on(inner.run(deadline, Cost::default(), explain));
                Ok((explainer.explain(&photograph, None)?, other))
            });
            both.map_err(ApiError::from)
        };
        let both = block_on(queue.run(deadline, Cost::default(), explain_two));
        let (one, other) = both.unwrap().value;
        assert_eq!(one.map, other.unwrap().value.map);
        queue.close();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
