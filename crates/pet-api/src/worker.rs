//! What a piece of work has at hand: a session on the served model.

use std::sync::Arc;

use pet_predict::{Explainer, Explanation, Prediction, Session};

use crate::error::ApiError;
use crate::metrics::Metrics;
use crate::served::{Served, Slot};

/// What a piece of work has at hand: a session on the served model, owned by this thread.
pub(crate) struct Worker {
    slot: Arc<Slot>,
    metrics: Arc<Metrics>,
    current: Option<Current>,
}

struct Current {
    served: Arc<Served>,
    session: Session,
    /// Made when this worker is first asked to explain: most services never are.
    explainer: Option<Explainer>,
}

impl Worker {
    pub(crate) fn new(slot: Arc<Slot>, metrics: Arc<Metrics>) -> Self {
        Self {
            slot,
            metrics,
            current: None,
        }
    }

    /// Makes a session before the first request, so that it need not wait for it; a failure shows
    /// there.
    pub(crate) fn prepare(&mut self) {
        let _ = self.current();
    }

    /// Forgets the session, which may be in any state after a panic.
    pub(crate) fn reset(&mut self) {
        self.current = None;
    }

    /// Predicts the class of a photograph; records how long each phase took.
    pub(crate) fn predict(&mut self, photograph: &[u8]) -> Result<Prediction, ApiError> {
        let session = &mut self.current()?.session;
        let prediction = session
            .predict(photograph)
            .map_err(|error| ApiError::prediction(&error))?;
        self.metrics.predicted(&prediction);
        Ok(prediction)
    }

    /// Explains what speaks on a photograph for a class, or for the most probable one.
    pub(crate) fn explain(
        &mut self,
        photograph: &[u8],
        class: Option<&str>,
    ) -> Result<Explanation, ApiError> {
        let current = self.current()?;
        let explainer = match &mut current.explainer {
            Some(explainer) => explainer,
            none => none.insert(current.served.explainer()?),
        };
        let explanation = explainer.explain(photograph, class);
        let explanation = explanation.map_err(|error| ApiError::prediction(&error))?;
        self.metrics.predicted(&explanation.prediction);
        Ok(explanation)
    }

    /// Runs the model on `batch` images that are tensors already, and gives its logits.
    pub(crate) fn run_tensor(
        &mut self,
        tensor: &[f32],
        batch: usize,
    ) -> Result<Vec<f32>, ApiError> {
        let start = std::time::Instant::now();
        let logits = self.current()?.session.run_tensor(tensor, batch)?;
        self.metrics.inferred(start.elapsed());
        Ok(logits)
    }

    /// The model that this worker runs: the served one, also just after it was changed.
    pub(crate) fn served(&mut self) -> Result<Arc<Served>, ApiError> {
        Ok(self.current()?.served.clone())
    }

    /// The session on the served model; made anew when the model has changed.
    fn current(&mut self) -> Result<&mut Current, ApiError> {
        let served = self.slot.served();
        let fits = |current: &Current| Arc::ptr_eq(&current.served, &served);
        let current = match self.current.take().filter(fits) {
            Some(current) => current,
            None => Current {
                session: served.session()?,
                served,
                explainer: None,
            },
        };
        Ok(self.current.insert(current))
    }
}
