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
use crate::configuration::Share;
use crate::error::{ApiError, Code, Error};
use crate::loaded_model::LoadedModel;
use crate::memory::UploadMemory;
use crate::metrics::{Metrics, Outcome};
use crate::models::Models;

/// How long a photograph waits for an idle worker.
const MAX_WAIT: Duration = Duration::from_secs(1);

const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Submits predicted photographs to the shadow's thread.
#[derive(Clone)]
pub(crate) struct Shadow {
    sender: SyncSender<Sample>,
    count: Arc<AtomicU64>,
    comparison: Arc<Comparison>,
}

/// What the shadow's thread works with.
pub(crate) struct Comparison {
    pub(crate) share: Share,
    pub(crate) limits: Limits,
    /// Maximum memory for decoding, in bytes.
    pub(crate) decoding: u64,
    pub(crate) has_idle_worker: Box<dyn Fn() -> bool + Send + Sync>,
    pub(crate) models: Arc<Models>,
    pub(crate) memory: Arc<UploadMemory>,
    pub(crate) metrics: Arc<Metrics>,
}

/// A photograph with the prediction of the served model.
struct Sample {
    photograph: Bytes,
    class: String,
    confidence: f32,
}

impl Shadow {
    /// Starts the thread. It ends when the last [`Shadow`] is dropped.
    pub(crate) fn start(comparison: Comparison) -> Result<(Self, JoinHandle<()>), Error> {
        let (sender, samples) = sync_channel(1);
        let comparison = Arc::new(comparison);
        let running = comparison.clone();
        let thread = std::thread::Builder::new()
            .name("shadow".into())
            .stack_size(STACK_SIZE)
            .spawn(move || running.run(&samples))
            .map_err(Error::io("cannot start a worker thread"))?;
        Ok((Self { sender, count: Arc::default(), comparison }, thread))
    }

    /// Submits a photograph if it is within the share, or drops it. Never waits.
    pub(crate) fn offer(&self, photograph: &Bytes, prediction: &Prediction) {
        let Comparison { share, models, memory, metrics, .. } = &*self.comparison;
        if !share.selects(self.count.fetch_add(1, Ordering::Relaxed)) {
            return;
        }
        let sample = || Sample {
            photograph: photograph.clone(),
            class: prediction.predicted_class().to_owned(),
            confidence: prediction.confidence(),
        };
        let is_taken = memory.is_half_free() && self.sender.try_send(sample()).is_ok();
        if !is_taken && let Some(shadow) = models.shadow() {
            metrics.models.count_shadow(shadow.labels().version(), Outcome::Dropped);
        }
    }
}

impl Comparison {
    fn run(self: &Arc<Self>, samples: &Receiver<Sample>) {
        lower_priority();
        while let Ok(sample) = samples.recv() {
            let Some(shadow) = self.models.shadow() else {
                continue;
            };
            let outcome = catch_unwind(AssertUnwindSafe(|| self.compare(&shadow, &sample)));
            let outcome = outcome.unwrap_or(Outcome::Failed);
            self.metrics.models.count_shadow(shadow.labels().version(), outcome);
        }
    }

    /// Predicts a photograph and compares the prediction with that of the served model.
    fn compare(self: &Arc<Self>, shadow: &LoadedModel, sample: &Sample) -> Outcome {
        let recipe = &shadow.metadata().preprocess;
        let cost = recipe.cost(&sample.photograph, &self.limits);
        let is_ordinary = cost.memory <= self.decoding && cost.work <= MAX_ORDINARY_WORK;
        if !is_ordinary || !self.wait_for_idle_worker() {
            return Outcome::Dropped;
        }
        let comparison = self.clone();
        let predict = || shadow.run(|session| session.predict(&sample.photograph));
        // This is not a part of the request, nor of its trace.
        let predict = || with_default(&Dispatch::none(), predict);
        let prediction = cancel_unless(move || (comparison.has_idle_worker)(), predict);
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

#[cfg(target_os = "linux")]
fn lower_priority() {
    if let Err(error) = thread_priority::ThreadPriority::Min.set_for_current() {
        tracing::warn!(?error, "the shadow's thread could not be given a lower priority");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
