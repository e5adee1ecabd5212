//! A thread that works.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use pet_predict::{Explanation, Prediction, Session};

use super::Queue;
use crate::error::{ApiError, Error};
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
}

/// Starts `count` threads that work until the queue is closed and empty.
pub(crate) fn start(
    count: usize,
    queue: &Queue,
    slot: &Arc<Slot>,
    metrics: &Arc<Metrics>,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let start = |number| {
        let worker = Worker {
            slot: slot.clone(),
            metrics: metrics.clone(),
            current: None,
        };
        let queue = queue.clone();
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .spawn(move || worker.work(&queue))
            .map_err(|source| Error::Worker { source })
    };
    (0..count).map(start).collect()
}

impl Worker {
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
        let explanation = self.served()?.explain(photograph, class);
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
            },
        };
        Ok(self.current.insert(current))
    }

    fn work(mut self, queue: &Queue) {
        // Before the first request, so that it need not wait for it; a failure shows there.
        let _ = self.current();
        while let Some(job) = queue.next() {
            // Damaged files may hit a bug in a decoder: it costs this request, not the thread.
            if catch_unwind(AssertUnwindSafe(|| job(&mut self))).is_err() {
                tracing::error!("the work on a request panicked");
                self.current = None;
            }
        }
    }
}
