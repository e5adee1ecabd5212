//! What is reported about a request: its trace, metrics, an entry of the access log, and headers of its response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, HeaderValue};
use pet_predict::Timing;
use tracing::Span;
use tracing::field::display;

use crate::metrics::{InFlight, Metrics, milliseconds};
use crate::state::State;
use crate::trace::{TRACEPARENT, TraceContext};

/// Routes that are polled so often that they would hide everything else; traced only as a part of the caller's trace.
const PROBES: [&str; 8] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
];

/// The head of a request over HTTP or gRPC.
pub(crate) struct Head<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) route: &'a str,
    /// The value of the header [`REQUEST_ID`].
    pub(crate) id: Option<&'a [u8]>,
    pub(crate) caller: Option<TraceContext>,
}

/// A request in progress. It is logged when this is dropped, even if the client disconnects.
pub(crate) struct Access {
    id: String,
    method: String,
    path: String,
    route: String,
    started: Instant,
    /// The span in which the request is handled.
    pub(crate) span: Span,
    /// The context of the request in its trace, if it is part of one.
    context: Option<TraceContext>,
    status: Option<u16>,
    metrics: Arc<Metrics>,
    _in_flight: InFlight,
}

impl Access {
    /// Starts the `span` of a request with its ID. Without a tracer there is only a context in the caller's trace, for the
    /// log.
    pub(crate) fn begin(
        state: &State,
        Head { method, path, route, id, caller }: Head<'_>,
        span: impl FnOnce(&str) -> Span,
    ) -> Self {
        let started = Instant::now();
        let id = request_id(id);
        let is_traced = caller.is_some() || !PROBES.contains(&route);
        let (span, context) = match state.tracer().filter(|_| is_traced) {
            Some(tracer) => {
                let span = span(&id);
                let context = tracer.begin(&span, caller);
                (span, context)
            }
            None => (Span::none(), caller.map(TraceContext::unsampled)),
        };
        Self {
            id,
            method: method.to_owned(),
            path: path.to_owned(),
            route: route.to_owned(),
            started,
            span,
            context,
            status: None,
            metrics: state.metrics.clone(),
            _in_flight: state.metrics.request_started(),
        }
    }

    /// Records the status of the response. Returns headers for it: the request ID, and the trace context if there is one.
    pub(crate) fn finish(mut self, status: u16) -> impl Iterator<Item = (&'static str, String)> {
        self.status = Some(status);
        self.span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
        self.metrics.request_finished(&self.route, status, self.started.elapsed());
        let context = self.context.map(|context| (TRACEPARENT, context.to_string()));
        std::iter::once((REQUEST_ID, self.id.clone())).chain(context)
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let Self { id, method, path, started, context, status, .. } = self;
        let milliseconds = milliseconds(started.elapsed());
        let trace_id = context.map(|context| display(format!("{:032x}", context.trace_id)));
        let message = match status {
            Some(_) => "answered",
            None => "the client disconnected",
        };
        tracing::info!(request_id = id, trace_id, method, path, status, milliseconds, "{message}");
    }
}

/// The header with the request ID, in the request and in the response.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// Longest request ID that a client may choose.
const MAX_ID_LENGTH: usize = 64;

/// The client's ID for its request, if it is valid; otherwise a random one.
fn request_id(given: Option<&[u8]>) -> String {
    given
        .and_then(|id| std::str::from_utf8(id).ok())
        .filter(|id| is_valid_id(id))
        .map_or_else(random_id, ToOwned::to_owned)
}

/// Whether an ID is safe to log.
fn is_valid_id(id: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_ID_LENGTH).contains(&id.len()) && id.bytes().all(fits)
}

/// 64 random bits in hexadecimal; zeros if the system has no randomness.
fn random_id() -> String {
    format!("{:016x}", getrandom::u64().unwrap_or_default())
}

/// The header with the time that each phase of a request took.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The header for the phases of a prediction.
pub(crate) fn prediction_timing(queue: Duration, timing: Timing) -> (HeaderName, HeaderValue) {
    server_timing(&[
        ("queue", queue),
        ("decode", timing.decode),
        ("preprocess", timing.preprocess),
        ("infer", timing.inference),
    ])
}

pub(crate) fn server_timing(phases: &[(&str, Duration)]) -> (HeaderName, HeaderValue) {
    let one = |(name, took): &(&str, Duration)| format!("{name};dur={}", milliseconds(*took));
    let text = phases.iter().map(one).collect::<Vec<_>>().join(", ");
    // Names and numbers are always valid in a header.
    (SERVER_TIMING, text.try_into().unwrap_or(HeaderValue::from_static("")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_ids_are_unique_and_valid() {
        assert_ne!(random_id(), random_id());
        assert!(is_valid_id(&random_id()));
        for bad in ["", "a b", "a\"b", "ä", &"x".repeat(65)] {
            assert!(!is_valid_id(bad), "{bad}");
        }
    }
}
