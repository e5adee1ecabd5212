//! A successor of the served model that answers the same photographs, unseen, where there is nothing else to do.
//!
//! It has a thread of its own, which takes photographs that were answered from a channel with a single place. Nothing waits
//! for it, and it stands back in every respect: a photograph is dropped when the channel is full, when more than half of
//! the memory for uploads is used, when it is an expensive one, or when no worker is idle for a while. The thread has the
//! least priority, begins only while a worker is idle, and gives up decoding when none is any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::web::Bytes;
use pet_image::{Limits, cancel_unless};
use pet_predict::Prediction;
use tracing::Dispatch;
use tracing::dispatcher::with_default;

use crate::budget::ORDINARY_WORK;
use crate::configuration::{Configuration, Share};
use crate::error::{ApiError, Code, Error};
use crate::memory::Memory;
use crate::metrics::{Metrics, Outcome};
use crate::models::Models;
use crate::queue::{Queue, STACK};
use crate::served::Served;

/// How long a photograph waits for a worker to be idle.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often it looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Where the workers leave what they have answered.
#[derive(Clone)]
pub(crate) struct Shadow {
    answers: SyncSender<Answered>,
    sampler: Arc<Sampler>,
    memory: Arc<Memory>,
    metrics: Arc<Metrics>,
    models: Arc<Models>,
}

/// A photograph and what the served model says of it.
struct Answered {
    photograph: Bytes,
    class: String,
    confidence: f32,
}

impl Shadow {
    /// Leaves a photograph to be answered again, or drops it. Never waits.
    pub(crate) fn offer(&self, photograph: &Bytes, prediction: &Prediction) {
        if !self.sampler.takes() {
            return;
        }
        let answered = || Answered {
            photograph: photograph.clone(),
            class: prediction.predicted_class().to_owned(),
            confidence: prediction.confidence(),
        };
        if !self.memory.is_half_free() || self.answers.try_send(answered()).is_err() {
            self.drop_one();
        }
    }

    fn drop_one(&self) {
        if let Some(shadow) = self.models.current().shadow {
            self.metrics
                .models
                .shadowed(shadow.version(), Outcome::Dropped);
        }
    }
}

/// Takes a share of what comes, evenly.
struct Sampler {
    share: Share,
    count: AtomicU64,
}

impl Sampler {
    fn takes(&self) -> bool {
        self.share.takes(self.count.fetch_add(1, Ordering::Relaxed))
    }
}

/// What the thread works with.
struct Lane {
    answers: Receiver<Answered>,
    queue: Queue,
    models: Arc<Models>,
    metrics: Arc<Metrics>,
    limits: Limits,
    /// Bytes that decoding may take.
    memory: u64,
}

/// Starts the thread, where there is a shadow. It ends when nobody can leave anything any more.
pub(crate) fn start(
    configuration: &Configuration,
    decoding: u64,
    queue: &Queue,
    models: &Arc<Models>,
    memory: &Arc<Memory>,
    metrics: &Arc<Metrics>,
) -> Result<Option<(Shadow, JoinHandle<()>)>, Error> {
    let Some(successor) = &configuration.shadow else {
        return Ok(None);
    };
    let (sender, answers) = sync_channel(1);
    let lane = Lane {
        answers,
        queue: queue.clone(),
        models: models.clone(),
        metrics: metrics.clone(),
        limits: configuration.limits,
        memory: decoding,
    };
    let thread = std::thread::Builder::new()
        .name("shadow".into())
        .stack_size(STACK)
        .spawn(move || lane.work())
        .map_err(|source| Error::Worker { source })?;
    let sampler = Sampler {
        share: successor.share,
        count: AtomicU64::default(),
    };
    let shadow = Shadow {
        answers: sender,
        sampler: Arc::new(sampler),
        memory: memory.clone(),
        metrics: metrics.clone(),
        models: models.clone(),
    };
    Ok(Some((shadow, thread)))
}

impl Lane {
    fn work(self) {
        stand_back();
        while let Ok(answered) = self.answers.recv() {
            let Some(shadow) = self.models.current().shadow else {
                continue;
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| self.repeat(&shadow, &answered)));
            let outcome = outcome.unwrap_or(Outcome::Failed);
            self.metrics.models.shadowed(shadow.version(), outcome);
        }
    }

    /// Answers a photograph again, and compares.
    fn repeat(&self, shadow: &Served, answered: &Answered) -> Outcome {
        let recipe = &shadow.metadata().preprocess;
        let cost = recipe.cost(&answered.photograph, &self.limits);
        if cost.memory > self.memory || cost.work > ORDINARY_WORK || !self.has_turn() {
            return Outcome::Dropped;
        }
        let queue = self.queue.clone();
        let predict = || shadow.run(|session| session.predict(&answered.photograph));
        // What is done here is no part of a request, and of no trace.
        let predict = || with_default(&Dispatch::none(), predict);
        let prediction = cancel_unless(move || queue.has_idle_worker(), predict);
        let prediction = match prediction.map_err(|error| ApiError::prediction(&error)) {
            Ok(prediction) => prediction,
            Err(error) if error.code == Code::DeadlinePassed => return Outcome::Dropped,
            Err(_) => return Outcome::Failed,
        };
        let took = prediction.timing().total();
        self.metrics.models.ran(shadow.loaded(), took);
        let difference = (prediction.confidence() - answered.confidence).abs();
        self.metrics
            .models
            .confidence_differed(shadow.version(), difference);
        if prediction.predicted_class() == answered.class {
            Outcome::Agreed
        } else {
            Outcome::Differed
        }
    }

    /// Waits until a worker is idle; whether one is.
    fn has_turn(&self) -> bool {
        let begun = Instant::now();
        while !self.queue.has_idle_worker() {
            if begun.elapsed() > PATIENCE {
                return false;
            }
            std::thread::sleep(PAUSE);
        }
        true
    }
}

/// Gives this thread the least priority, so that the system lets the workers have the processor.
#[cfg(target_os = "linux")]
fn stand_back() {
    if let Err(error) = thread_priority::ThreadPriority::Min.set_for_current() {
        tracing::warn!(
            ?error,
            "the shadow's thread has no lower priority than the others"
        );
    }
}

#[cfg(not(target_os = "linux"))]
fn stand_back() {}
