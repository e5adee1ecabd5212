//! The shadow: a successor of the served model that predicts the same photographs, for comparison only.
//!
//! It has a thread of its own, which receives photographs through a channel of capacity 1. Nothing waits for it, and it
//! yields to requests in every respect: a photograph is dropped when the channel is full, when more than half of the memory
//! for uploads is used, when the image is an expensive one, or when no worker becomes idle soon. The thread has the lowest
//! priority, starts only while a worker is idle, and stops decoding when none is idle any more.

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

use crate::budget::{MAX_ORDINARY_WORK, STACK_SIZE};
use crate::configuration::{Configuration, Share};
use crate::error::{ApiError, Code, Error};
use crate::loaded_model::LoadedModel;
use crate::memory::UploadMemory;
use crate::metrics::{Metrics, Outcome};
use crate::models::Models;

/// How long a photograph waits for an idle worker.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// How often to look for an idle worker.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Submits predicted photographs to the shadow's thread.
#[derive(Clone)]
pub(crate) struct Shadow {
    sender: SyncSender<Sample>,
    share: Share,
    /// Number of photographs offered so far.
    count: Arc<AtomicU64>,
    memory: Arc<UploadMemory>,
    metrics: Arc<Metrics>,
    models: Arc<Models>,
}

/// A photograph with the prediction of the served model.
struct Sample {
    photograph: Bytes,
    class: String,
    confidence: f32,
}

impl Shadow {
    /// Submits a photograph if it is within the share, or drops it. Never waits.
    pub(crate) fn offer(&self, photograph: &Bytes, prediction: &Prediction) {
        if !self.share.selects(self.count.fetch_add(1, Ordering::Relaxed)) {
            return;
        }
        let sample = || Sample {
            photograph: photograph.clone(),
            class: prediction.predicted_class().to_owned(),
            confidence: prediction.confidence(),
        };
        let is_taken = self.memory.is_half_free() && self.sender.try_send(sample()).is_ok();
        if !is_taken && let Some(shadow) = self.models.shadow() {
            let version = shadow.labels().version();
            self.metrics.models.count_shadow(version, Outcome::Dropped);
        }
    }
}

/// Tells whether a worker is idle.
pub(crate) type IdleCheck = Arc<dyn Fn() -> bool + Send + Sync>;

/// The state of the shadow's thread.
struct Runner {
    samples: Receiver<Sample>,
    has_idle_worker: IdleCheck,
    models: Arc<Models>,
    metrics: Arc<Metrics>,
    limits: Limits,
    /// Maximum memory for decoding, in bytes.
    memory: u64,
}

/// Starts the thread if a shadow is configured. It ends when the last [`Shadow`] is dropped.
pub(crate) fn start(
    configuration: &Configuration,
    decoding: u64,
    has_idle_worker: IdleCheck,
    models: &Arc<Models>,
    memory: &Arc<UploadMemory>,
    metrics: &Arc<Metrics>,
) -> Result<Option<(Shadow, JoinHandle<()>)>, Error> {
    let Some(successor) = &configuration.shadow else {
        return Ok(None);
    };
    let (sender, samples) = sync_channel(1);
    let runner = Runner {
        samples,
        has_idle_worker,
        models: models.clone(),
        metrics: metrics.clone(),
        limits: configuration.limits,
        memory: decoding,
    };
    let thread = std::thread::Builder::new()
        .name("shadow".into())
        .stack_size(STACK_SIZE)
        .spawn(move || runner.run())
        .map_err(|source| Error::Worker { source })?;
    let shadow = Shadow {
        sender,
        share: successor.share,
        count: Arc::default(),
        memory: memory.clone(),
        metrics: metrics.clone(),
        models: models.clone(),
    };
    Ok(Some((shadow, thread)))
}

impl Runner {
    fn run(self) {
        lower_priority();
        while let Ok(sample) = self.samples.recv() {
            let Some(shadow) = self.models.shadow() else {
                continue;
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| self.compare(&shadow, &sample)));
            let outcome = outcome.unwrap_or(Outcome::Failed);
            self.metrics.models.count_shadow(shadow.labels().version(), outcome);
        }
    }

    /// Predicts a photograph and compares the prediction with that of the served model.
    fn compare(&self, shadow: &LoadedModel, sample: &Sample) -> Outcome {
        let recipe = &shadow.metadata().preprocess;
        let cost = recipe.cost(&sample.photograph, &self.limits);
        let is_ordinary = cost.memory <= self.memory && cost.work <= MAX_ORDINARY_WORK;
        if !is_ordinary || !self.wait_for_idle_worker() {
            return Outcome::Dropped;
        }
        let has_idle_worker = self.has_idle_worker.clone();
        let predict = || shadow.run(|session| session.predict(&sample.photograph));
        // This is not a part of the request, nor of its trace.
        let predict = || with_default(&Dispatch::none(), predict);
        let prediction = cancel_unless(move || has_idle_worker(), predict);
        let prediction = match prediction.map_err(ApiError::from) {
            Ok(prediction) => prediction,
            Err(error) if error.code == Code::DeadlinePassed => return Outcome::Dropped,
            Err(_) => return Outcome::Failed,
        };
        let models = &self.metrics.models;
        models.observe_duration(shadow.labels(), prediction.timing().total());
        let difference = (prediction.confidence() - sample.confidence).abs();
        models.observe_difference(shadow.labels().version(), difference);
        if prediction.predicted_class() == sample.class {
            Outcome::Agreed
        } else {
            Outcome::Differed
        }
    }

    /// Waits for an idle worker. Returns whether there is one.
    fn wait_for_idle_worker(&self) -> bool {
        let start = Instant::now();
        while !(self.has_idle_worker)() {
            if start.elapsed() > MAX_WAIT {
                return false;
            }
            std::thread::sleep(POLL_INTERVAL);
        }
        true
    }
}

/// Gives this thread the lowest priority.
#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = thread_priority::ThreadPriority::Min.set_for_current() {
        tracing::warn!(?error, "the shadow's thread could not be given a lower priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
