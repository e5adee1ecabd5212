//! A bounded queue of work, and the workers that do it.
//!
//! A handler never decodes or predicts by itself. It submits a closure to the [`Queue`], which a worker thread runs, and
//! awaits the result:
//!
//! ```text
//! let done = state.queue.run(deadline, cost, move |worker| worker.predict(&model, &photograph)).await?;
//! let done = state.queue.run(deadline, cost, move |worker| worker.run_tensor(&model, &tensor)).await?;
//! let done = state.queue.run(deadline, cost, move |_| Ok(pet_image::grayscale(&image))).await?;
//! ```
//!
//! `done.value` is the result of the closure, `done.waited` the time in the queue. A full queue is [`Code::Busy`], a
//! passed deadline [`Code::DeadlinePassed`]. When a client disconnects, its handler is dropped and its work cancelled:
//! work that has not started is skipped, and decoding is aborted. Metrics of the queue are recorded here, not by the
//! handlers.
//!
//! Expensive work lets cheaper work overtake it, but only work that arrives within a time in proportion to its cost: an
//! ordinary photograph need not wait for many large ones, and nothing waits forever.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_web::web::Bytes;
use futures_util::{StreamExt as _, stream};
use parking_lot::{Condvar, Mutex};
use pet_image::Cost;
use pet_predict::{Explanation, Prediction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::budget::{Budget, STACK_SIZE, permit};
use crate::configuration::Role;
use crate::error::{ApiError, Code, Error};
use crate::loaded_model::LoadedModel;
use crate::metrics::Metrics;
use crate::shadow::Shadow;
use crate::trace::{QueueSpan, image_span};

/// How long work lets other work overtake it, for each pixel of its cost: three times the time that a pixel takes. More
/// would hardly make ordinary photographs faster, and large ones slow.
const YIELD_PER_PIXEL: Duration = Duration::from_nanos(15);

type Job = Box<dyn FnOnce(&Worker) + Send>;

/// Submits work to the workers. Clones are handles to the same queue.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Shared>);

struct Shared {
    /// A permit for each worker and for each job that may wait; held until the job is done.
    slots: Arc<Semaphore>,
    workers: usize,
    /// Number of jobs that may wait while every worker is busy.
    capacity: usize,
    budget: Budget,
    state: Mutex<State>,
    changed: Condvar,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    /// By the time until which each job lets others overtake it, then by its sequence number.
    waiting: BTreeMap<(Instant, u64), Job>,
    /// Number of jobs so far.
    count: u64,
    closed: bool,
}

/// The result of a job.
#[derive(Debug)]
pub(crate) struct Done<T> {
    pub(crate) value: T,
    pub(crate) waited: Duration,
}

impl Queue {
    /// A queue in which `capacity` jobs may wait while each of the `workers` is busy, with `memory` bytes for decoding.
    pub(crate) fn new(workers: usize, capacity: usize, memory: u64, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            slots: Arc::new(Semaphore::new(workers + capacity)),
            workers,
            capacity,
            budget: Budget::new(memory, workers, capacity),
            state: Mutex::default(),
            changed: Condvar::new(),
            metrics,
        }))
    }

    /// Runs `work` on a worker. Fails at once when the queue is full. The work is cancelled when the deadline passes or
    /// the caller is dropped.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        cost: Cost,
        work: impl FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Done<T>, ApiError> {
        let slot = self.try_slot()?;
        self.run_in_slot(slot, deadline, cost, work).await
    }

    /// Runs several jobs, each with its own cost, and returns their results in order. Fails at once when the queue is
    /// full; otherwise it takes no more slots at a time than there are workers, and waits for each.
    pub(crate) async fn run_all<T: Send + 'static, W>(
        &self,
        deadline: Instant,
        work: Vec<(Cost, W)>,
    ) -> Result<Vec<Result<Done<T>, ApiError>>, ApiError>
    where
        W: FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    {
        let mut first = Some(self.try_slot()?);
        let runs = work.into_iter().enumerate().map(|(index, (cost, work))| {
            let slot = first.take();
            let run = async move {
                let slot = match slot {
                    Some(slot) => slot,
                    None => permit(&self.0.slots, deadline).await?,
                };
                self.run_in_slot(slot, deadline, cost, work).await
            };
            run.instrument(image_span(index))
        });
        let runs = stream::iter(runs).buffered(self.0.workers);
        Ok(runs.collect::<Vec<_>>().await)
    }

    fn try_slot(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let slot = self.0.slots.clone().try_acquire_owned();
        slot.map_err(|_| {
            self.0.metrics.queue_refused.inc();
            ApiError::new(Code::Busy, "too many requests are already waiting")
        })
    }

    async fn run_in_slot<T: Send + 'static>(
        &self,
        slot: OwnedSemaphorePermit,
        deadline: Instant,
        cost: Cost,
        work: impl FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Done<T>, ApiError> {
        let queued = Instant::now();
        // Dropped together with this future when the client disconnects, which the job notices by its weak reference.
        let span = Arc::new(QueueSpan::enter());
        let permit = self.0.budget.acquire(cost, deadline).await?;
        let (sender, receiver) = oneshot::channel();
        let metrics = self.0.metrics.clone();
        let caller = Arc::downgrade(&span);
        self.push(
            queued + yield_time(cost),
            Box::new(move |worker| {
                let span = caller.upgrade().map(|span| span.exit());
                let wanted = move || caller.strong_count() > 0 && Instant::now() < deadline;
                let Some(span) = span.filter(|_| wanted()) else {
                    metrics.queue_abandoned.inc();
                    // The receiver's own timeout may not have fired yet.
                    let _ = sender.send(Err(ApiError::deadline_passed()));
                    return;
                };
                let waited = queued.elapsed();
                metrics.queue_seconds.observe(waited.as_secs_f64());
                let work = || pet_image::cancel_unless(wanted, || work(worker));
                let result = span.in_scope(work);
                drop(span);
                if matches!(&result, Err(error) if error.code == Code::DeadlinePassed) {
                    metrics.queue_abandoned.inc();
                }
                // Before the result is sent, so that the receiver's next request finds the slot free.
                drop((slot, permit));
                let _ = sender.send(result.map(|value| Done { value, waited }));
            }),
        )?;
        match timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ApiError::new(Code::Internal, "processing this request failed")),
            Err(_) => Err(ApiError::deadline_passed()),
        }
    }

    fn push(&self, due: Instant, job: Job) -> Result<(), ApiError> {
        let mut state = self.0.state.lock();
        if state.closed {
            return Err(ApiError::stopping());
        }
        state.count += 1;
        let position = (due, state.count);
        state.waiting.insert(position, job);
        self.0.metrics.queue_depth.set(state.waiting.len() as i64);
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Waits for the next job. `None` once the queue is closed and empty.
    fn next(&self) -> Option<Job> {
        let mut state = self.0.state.lock();
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        self.0.changed.wait_while(&mut state, idle);
        let job = state.waiting.pop_first().map(|(_, job)| job);
        self.0.metrics.queue_depth.set(state.waiting.len() as i64);
        job
    }

    /// Whether nothing waits and at least one worker is idle.
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.0.slots.available_permits() > self.0.capacity
    }

    /// Accepts no more work. The waiting jobs are still done, then the workers end.
    pub(crate) fn close(&self) {
        self.0.state.lock().closed = true;
        self.0.changed.notify_all();
    }
}

fn yield_time(cost: Cost) -> Duration {
    YIELD_PER_PIXEL.saturating_mul(u32::try_from(cost.work).unwrap_or(u32::MAX))
}

/// Runs models on the thread of a worker, and records metrics.
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
    fn error(&self, model: &LoadedModel, error: pet_predict::Error) -> ApiError {
        let error = ApiError::from(error);
        if error.code == Code::Internal {
            self.metrics.models.count_failure(model.labels());
        }
        error
    }
}

/// Starts `count` worker threads, which run until the queue is closed and empty.
pub(crate) fn start(
    count: usize,
    queue: &Queue,
    worker: impl Fn() -> Worker,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let start = |number| {
        let (queue, worker) = (queue.clone(), worker());
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .stack_size(STACK_SIZE)
            .spawn(move || work(&worker, &queue))
            .map_err(Error::io("cannot start a worker thread"))
    };
    (0..count).map(start).collect()
}

fn work(worker: &Worker, queue: &Queue) {
    while let Some(job) = queue.next() {
        // A damaged file may hit a bug in a decoder: that fails its request, not the thread.
        if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
            tracing::error!("processing a request panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use pet_image::Format;
    use pet_tests::gradient;

    use super::*;
    use crate::block_on;
    use crate::loaded_model::tests::model_for_two_workers;

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

        let deadline = Instant::now() + Duration::from_mins(1);
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
