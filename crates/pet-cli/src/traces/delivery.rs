//! How spans wait to be sent, and what becomes of them. Nobody waits for it: what finds no place is lost, and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};

/// Spans that may wait to be sent: those of some hundred requests, in about two megabytes.
const PLACES: usize = 2048;

/// What has become of the spans.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    waiting: AtomicUsize,
    lost: AtomicU64,
    is_failing: AtomicBool,
}

impl Delivery {
    /// Spans that were lost since the start.
    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// Takes a place for a span, if there is one.
    fn wait(&self) -> bool {
        let next = |waiting| (waiting < PLACES).then_some(waiting + 1);
        let has_place = self.waiting.fetch_update(Relaxed, Relaxed, next).is_ok();
        if !has_place {
            self.lost.fetch_add(1, Relaxed);
        }
        has_place
    }

    /// So many spans wait no more, and are being sent.
    pub(super) fn taken(&self, spans: usize) {
        self.waiting.fetch_sub(spans, Relaxed);
    }

    /// So many spans were sent, or given up for a reason. The log says when that changes, not each time.
    pub(super) fn sent(&self, spans: usize, failure: Option<&String>) {
        let Some(reason) = failure else {
            if self.is_failing.swap(false, Relaxed) {
                tracing::info!(lost = self.lost(), "the collector takes spans again");
            }
            return;
        };
        self.lost.fetch_add(spans as u64, Relaxed);
        if !self.is_failing.swap(true, Relaxed) {
            tracing::warn!(
                reason,
                "the collector takes no spans; they are lost, and nothing else changes"
            );
        }
    }
}

/// Hands spans to the thread that sends them.
#[derive(Debug)]
pub(super) struct Bounded {
    batches: BatchSpanProcessor,
    delivery: Arc<Delivery>,
}

impl Bounded {
    /// Starts the thread. The exporter says what it has taken and sent.
    pub(super) fn new(exporter: impl SpanExporter + 'static, delivery: Arc<Delivery>) -> Self {
        let places = BatchConfigBuilder::default().with_max_queue_size(PLACES);
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(places.build());
        Self {
            batches: batches.build(),
            delivery,
        }
    }
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() && self.delivery.wait() {
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
    fn what_finds_no_place_or_is_not_taken_is_counted_as_lost() {
        let delivery = Delivery::default();
        assert!((0..PLACES).all(|_| delivery.wait()));
        assert_eq!(delivery.lost(), 0);
        assert!(!delivery.wait());
        assert_eq!(delivery.lost(), 1);
        delivery.taken(512);
        assert!(delivery.wait());
        delivery.sent(512, Some(&"it is down".into()));
        assert_eq!(delivery.lost(), 513);
        delivery.taken(512);
        delivery.sent(512, None);
        assert_eq!(delivery.lost(), 513);
    }
}
