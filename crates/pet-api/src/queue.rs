//! Where the work is done: threads that take it from a bounded queue.
//!
//! A handler never decodes or predicts by itself. It hands a closure to the [`Queue`], which a
//! [`Worker`] calls on its own thread, and awaits the result:
//!
//! ```text
//! let done = state.queue.run(deadline, cost, move |worker| worker.predict(&served, &photograph)).await?;
//! let done = state.queue.run(deadline, cost, move |worker| worker.run_tensor(&served, &tensor, 4)).await?;
//! let done = state.queue.run(deadline, cost, move |_| Ok(pet_image::grayscale(&image))).await?;
//! ```
//!
//! `done.value` is what the closure gave, `done.waited` how long it was queued. A full queue is
//! [`Code::Busy`], a passed deadline [`Code::DeadlinePassed`]. A handler that is dropped, since its
//! client has gone, takes its work with it: it is skipped when its turn comes, and a picture that is being decoded
//! is given up. Metrics of the queue
//! and of each phase are recorded here, not by the handlers.
//!
//! Work that is expected to take longer lets shorter work pass, but only such as comes within a time in proportion:
//! an ordinary photograph need not wait for a crowd of large ones, and no work waits for ever.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use pet_image::Cost;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::budget::Budget;
use crate::error::{ApiError, Code, Error};
use crate::metrics::Metrics;
use crate::served::Served;
use crate::trace::{self, Waiting};
use crate::worker::Worker;

/// Stack of a worker: as much as the main thread of a Linux process has, whatever the environment
/// says. No decoder here recurses with the depth of its input.
pub(crate) const STACK: usize = 8 << 20;

/// How long a picture lets shorter work pass for each pixel that is gone over: ten times as long as that takes.
const PASSING: Duration = Duration::from_nanos(50);

/// Work with everything around it: what a worker calls.
type Job = Box<dyn FnOnce(&Worker) + Send>;

/// Hands work to the workers. Clones are handles to the same queue.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Shared>);

struct Shared {
    /// One for each worker and for each place in the queue; held until the work is done.
    places: Arc<Semaphore>,
    workers: usize,
    /// How much work may wait while every worker is busy.
    room: usize,
    budget: Budget,
    state: Mutex<State>,
    changed: Condvar,
    metrics: Arc<Metrics>,
}

#[derive(Default)]
struct State {
    /// In the order in which it is done: by the time up to which it lets other work pass, then as it came.
    waiting: BTreeMap<(Instant, u64), Job>,
    /// How much work has come.
    count: u64,
    closed: bool,
}

/// Work that was done.
#[derive(Debug)]
pub(crate) struct Done<T> {
    /// What it gave.
    pub(crate) value: T,
    /// How long it was queued.
    pub(crate) waited: Duration,
}

impl Queue {
    /// A queue with `places` for work that waits while each of the `workers` is busy, and `memory` bytes for decoding.
    pub(crate) fn new(workers: usize, places: usize, memory: u64, metrics: Arc<Metrics>) -> Self {
        Self(Arc::new(Shared {
            places: Arc::new(Semaphore::new(workers + places)),
            workers,
            room: places,
            budget: Budget::new(memory, workers, places),
            state: Mutex::default(),
            changed: Condvar::new(),
            metrics,
        }))
    }

    /// Has a worker do `work`, which is refused at once when the queue is full, and given up when
    /// the deadline passes or the caller is dropped: before a worker has begun, or while it decodes. Where it is on an expensive picture, it
    /// waits for its turn.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        deadline: Instant,
        cost: Cost,
        work: impl FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Done<T>, ApiError> {
        let place = self.place()?;
        self.run_in(place, deadline, cost, work).await
    }

    /// Has the workers do several pieces of work and gives the results in order. The whole is
    /// refused when the queue is full; once begun, it takes no more places at a time than there are
    /// workers and waits for each. Every piece comes with its own cost.
    pub(crate) async fn run_all<T: Send + 'static, W>(
        &self,
        deadline: Instant,
        work: Vec<(Cost, W)>,
    ) -> Result<Vec<Result<Done<T>, ApiError>>, ApiError>
    where
        W: FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    {
        let mut first = Some(self.place()?);
        let runs = work.into_iter().enumerate().map(|(index, (cost, work))| {
            let place = first.take();
            let run = async move {
                let place = match place {
                    Some(place) => place,
                    None => self.next_place(deadline).await?,
                };
                self.run_in(place, deadline, cost, work).await
            };
            run.instrument(trace::image(index))
        });
        let runs = stream::iter(runs).buffered(self.0.workers);
        Ok(runs.collect::<Vec<_>>().await)
    }

    fn place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let place = self.0.places.clone().try_acquire_owned();
        place.map_err(|_| {
            self.0.metrics.refused();
            ApiError::new(Code::Busy, "too many requests wait already")
        })
    }

    async fn next_place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, ApiError> {
        match timeout_at(deadline, self.0.places.clone().acquire_owned()).await {
            Ok(Ok(place)) => Ok(place),
            Ok(Err(_)) => Err(stopping()),
            Err(_) => Err(late()),
        }
    }

    async fn run_in<T: Send + 'static>(
        &self,
        place: OwnedSemaphorePermit,
        deadline: Instant,
        cost: Cost,
        work: impl FnOnce(&Worker) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<Done<T>, ApiError> {
        let queued = Instant::now();
        // Gone when this is dropped, since its client has gone.
        let waiting = Arc::new(Waiting::begin());
        let turn = self.0.budget.turn(cost, deadline).await?;
        let (sender, receiver) = oneshot::channel();
        let metrics = self.0.metrics.clone();
        let due = queued + passing(cost);
        let caller = Arc::downgrade(&waiting);
        self.push(
            due,
            Box::new(move |worker| {
                let span = caller.upgrade().map(|waiting| waiting.end());
                let wanted = move || caller.strong_count() > 0 && Instant::now() < deadline;
                let Some(span) = span.filter(|_| wanted()) else {
                    metrics.abandoned();
                    // Said as well where the receiver's own clock has not reached the deadline yet.
                    let _ = sender.send(Err(late()));
                    return;
                };
                let waited = queued.elapsed();
                metrics.queued(waited);
                let work = || pet_image::cancel_unless(wanted, || work(worker));
                let result = span.in_scope(work);
                drop(span);
                if matches!(&result, Err(error) if error.code == Code::DeadlinePassed) {
                    metrics.abandoned();
                }
                // Free before the answer is out, lest its receiver be refused with the next request.
                drop((place, turn));
                let _ = sender.send(result.map(|value| Done { value, waited }));
            }),
        )?;
        match timeout_at(deadline, receiver).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ApiError::new(
                Code::Internal,
                "the work on this request broke down",
            )),
            Err(_) => Err(late()),
        }
    }

    fn push(&self, due: Instant, job: Job) -> Result<(), ApiError> {
        let mut state = self.lock();
        if state.closed {
            return Err(stopping());
        }
        state.count += 1;
        let place = (due, state.count);
        state.waiting.insert(place, job);
        self.0.metrics.depth(state.waiting.len());
        drop(state);
        self.0.changed.notify_one();
        Ok(())
    }

    /// The next work; waits for it. `None` once the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Job> {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.0.changed.wait_while(self.lock(), idle);
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        let job = state.waiting.pop_first().map(|(_, job)| job);
        self.0.metrics.depth(state.waiting.len());
        job
    }

    /// Whether there is less work than workers: nothing waits, and one of them is idle.
    pub(crate) fn has_idle_worker(&self) -> bool {
        self.0.places.available_permits() > self.0.room
    }

    /// Takes no more work. What waits is still done, then the workers end.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long work lets shorter work pass.
fn passing(cost: Cost) -> Duration {
    PASSING.saturating_mul(u32::try_from(cost.work).unwrap_or(u32::MAX))
}

fn late() -> ApiError {
    ApiError::new(Code::DeadlinePassed, "the work was not done in time")
}

fn stopping() -> ApiError {
    ApiError::new(Code::NotReady, "the service is stopping")
}

/// Starts `count` threads, each with a worker and a session on `served` to begin with, that work until the queue is closed
/// and empty.
pub(crate) fn start(
    count: usize,
    queue: &Queue,
    served: &Arc<Served>,
    worker: impl Fn() -> Worker,
) -> Result<Vec<JoinHandle<()>>, Error> {
    let start = |number| {
        let (served, worker) = (served.clone(), worker());
        let queue = queue.clone();
        std::thread::Builder::new()
            .name(format!("worker-{number}"))
            .stack_size(STACK)
            .spawn(move || work(served, &worker, &queue))
            .map_err(|source| Error::Worker { source })
    };
    (0..count).map(start).collect()
}

/// Does what comes until the queue is closed and empty.
fn work(served: Arc<Served>, worker: &Worker, queue: &Queue) {
    // A session before the first request, so that it need not wait for it; a failure shows there.
    let _ = served.prepare();
    // Another may take its place.
    drop(served);
    while let Some(job) = queue.next() {
        // Damaged files may hit a bug in a decoder: it costs this request, not the thread.
        if catch_unwind(AssertUnwindSafe(|| job(worker))).is_err() {
            tracing::error!("the work on a request panicked");
        }
    }
}
