//! Sends spans by OTLP over HTTP with protocol buffers.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message as _;
use ureq::Agent;
use ureq::http::Request;

use super::delivery::Delivery;
use super::headers::Headers;

/// A connection to a collector. It blocks, but only the sending thread.
#[derive(Debug)]
pub(super) struct Collector {
    agent: Agent,
    url: String,
    headers: Headers,
    resource: ResourceAttributesWithSchema,
    delivery: Arc<Delivery>,
}

impl Collector {
    /// A collector at `url` with a timeout for each request.
    pub(super) fn new(
        url: String,
        headers: Headers,
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
        let media_type = ("content-type", "application/x-protobuf");
        for (name, value) in self.headers.iter().chain([media_type]) {
            // Both were validated when they were parsed.
            if let (Ok(name), Ok(value)) = (name.parse::<ureq::http::HeaderName>(), value.parse()) {
                request.headers_mut().insert(name, value);
            }
        }
        self.agent.run(request).map(drop)
    }
}

impl SpanExporter for Collector {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        self.delivery.taken(spans);
        let outcome = self.send(batch).map_err(|error| with_causes(&error));
        self.delivery.sent(spans, outcome.as_ref().err());
        outcome.map_err(OTelSdkError::InternalFailure)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// An error and its causes, without repetitions.
fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !text.contains(&reason) {
            text = format!("{text}: {reason}");
        }
        cause = error.source();
    }
    text
}
