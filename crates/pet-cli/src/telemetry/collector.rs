//! How spans get to a collector: through a bounded queue, by OTLP over HTTP with protocol buffers. Spans that don't fit into the
//! queue are dropped and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanExporter, SpanProcessor,
};
use percent_encoding::percent_decode_str;
use prost::Message as _;
use ureq::Agent;
use ureq::http::header::CONTENT_TYPE;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::hint::causes;

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

/// A connection to a collector. It blocks, but only the sending thread.
#[derive(Debug)]
pub(super) struct Collector {
    agent: Agent,
    url: String,
    headers: HeaderMap,
    resource: ResourceAttributesWithSchema,
    delivery: Arc<Delivery>,
}

impl Collector {
    /// A collector at `url` with a timeout for each request.
    pub(super) fn new(
        url: String,
        mut headers: HeaderMap,
        timeout: Duration,
        delivery: Arc<Delivery>,
    ) -> Self {
        let agent = Agent::config_builder()
            .timeout_global(Some(timeout))
            // Headers may contain secrets for this host.
            .max_redirects(0)
            .max_redirects_will_error(true)
            .proxy(None)
            .build();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        Self {
            agent: agent.into(),
            url,
            headers,
            resource: ResourceAttributesWithSchema::default(),
            delivery,
        }
    }

    fn send(&self, spans: Vec<SpanData>) -> Result<(), ureq::Error> {
        let spans = group_spans_by_resource_and_scope(spans, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans: spans };
        let mut request = Request::post(&self.url).body(body.encode_to_vec())?;
        request.headers_mut().clone_from(&self.headers);
        self.agent.run(request).map(drop)
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.delivery.taken(spans);
        let outcome = self.send(batch).map_err(|error| causes(&error).join(": "));
        self.delivery.sent(spans, outcome.as_ref().err());
        outcome.map_err(OTelSdkError::InternalFailure)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Parses headers in the format of `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,name=value`, with percent-encoded values, which
/// may be secrets.
pub(super) fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = header(pair)?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Parses a header. Neither errors nor debugging output contain the value.
fn header(pair: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = pair.split_once('=').ok_or("expected name=value,name=value")?;
    let name = name.trim();
    let parsed = name.parse::<HeaderName>();
    let parsed = parsed.map_err(|_| format!("`{name}` is not a valid header name"))?;
    let value = percent_decode_str(value.trim()).decode_utf8().ok();
    let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
    let mut value = value.ok_or_else(|| format!("the value of `{name}` cannot be sent"))?;
    value.set_sensitive(true);
    Ok((parsed, value))
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

    #[test]
    fn values_can_be_percent_encoded() {
        let headers = headers("x-mlflow-experiment-id=0, authorization=Basic%20cGV0==,").unwrap();
        assert_eq!(headers["x-mlflow-experiment-id"], "0");
        assert_eq!(headers["authorization"], "Basic cGV0==");
        assert_eq!(headers.len(), 2);
        assert!(!format!("{headers:?}").contains("cGV0"));
        assert!(super::headers("").unwrap().is_empty());
    }

    #[test]
    fn errors_do_not_contain_values() {
        for bad in ["secret", "a b=secret", "a=secret%0A", "a=secret%ff"] {
            let refusal = headers(bad).unwrap_err();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
