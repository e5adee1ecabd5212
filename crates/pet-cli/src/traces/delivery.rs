//! The bounded queue of spans. Spans that don't fit are dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

/// Maximum number of queued spans: those of some hundred requests, or about two megabytes.
const QUEUE: usize = 2048;

/// Counts spans.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    waiting: AtomicUsize,
    lost: AtomicU64,
    is_failing: AtomicBool,
}

impl Delivery {
    /// Number of spans that were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Reserves a place in the queue, if there is one.
    fn reserve(&self) -> bool {
        let next = |waiting| (waiting < QUEUE).then_some(waiting + 1);
        let has_place = self.waiting.fetch_update(Relaxed, Relaxed, next).is_ok();
        if !has_place {
            self.lost.fetch_add(1, Relaxed);
        }
        has_place
    }

    /// Records that spans left the queue to be sent.
    pub(super) fn taken(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Relaxed);
    }

    /// Records that spans were sent or lost, and logs when that changes.
    pub(super) fn sent(&self, spans: usize, failure: Option<&String>) {
        let Some(reason) = failure else {
            if self.is_failing.swap(false, Relaxed) {
                tracing::info!(lost = self.lost(), "the collector accepts spans again");
            }
            return;
        };
        self.lost.fetch_add(spans as u64, Relaxed);
        if !self.is_failing.swap(true, Relaxed) {
            tracing::warn!(
                reason,
                "the collector does not accept spans; they are lost, and nothing else is affected"
            );
        }
    }
}

/// Passes spans to the sending thread if there is room in the queue.
#[derive(Debug)]
pub(super) struct Bounded {
    batches: BatchSpanProcessor,
    delivery: Arc<Delivery>,
}

impl Bounded {
    /// Starts the thread. The exporter reports to `delivery`.
    pub(super) fn new(exporter: impl SpanExporter + 'static, delivery: Arc<Delivery>) -> Self {
        let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE);
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(config.build());
        Self { batches: batches.build(), delivery }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.delivery.reserve() {
            self.batches.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn dropped_and_failed_spans_are_counted() {
        let delivery = Delivery::default();
        assert!((0..QUEUE).all(|_| delivery.reserve()));
        assert_eq!(delivery.lost(), 0);
        assert!(!delivery.reserve());
        assert_eq!(delivery.lost(), 1);
        delivery.taken(512);
        assert!(delivery.reserve());
        delivery.sent(512, Some(&"it is down".into()));
        assert_eq!(delivery.lost(), 513);
        delivery.taken(512);
        delivery.sent(512, None);
        assert_eq!(delivery.lost(), 513);
    }
}
