//! What the handlers share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Configuration;
use crate::metrics::Metrics;
use crate::served::{Served, Slot};
use crate::upload::Memory;
use crate::worker::Queue;

/// Shared by all handlers, as `web::Data<State>`.
pub(crate) struct State {
    /// How the service runs.
    pub(crate) configuration: Configuration,
    /// Takes work; see [`worker`](crate::worker).
    pub(crate) queue: Queue,
    /// Counts.
    pub(crate) metrics: Arc<Metrics>,
    /// The served model.
    pub(crate) slot: Arc<Slot>,
    /// The memory that uploads share.
    pub(crate) memory: Memory,
    draining: AtomicBool,
}

impl State {
    pub(crate) fn new(
        configuration: Configuration,
        queue: Queue,
        metrics: Arc<Metrics>,
        slot: Arc<Slot>,
    ) -> Self {
        Self {
            memory: Memory::new(configuration.memory),
            configuration,
            queue,
            metrics,
            slot,
            draining: AtomicBool::new(false),
        }
    }

    /// The model that is served now. Work should ask its [`Worker`](crate::worker::Worker) instead.
    pub(crate) fn served(&self) -> Arc<Served> {
        self.slot.served()
    }

    /// Whether new work is welcome.
    pub(crate) fn is_ready(&self) -> bool {
        !self.draining.load(Ordering::Relaxed)
    }

    /// From now on the service is not ready.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}
