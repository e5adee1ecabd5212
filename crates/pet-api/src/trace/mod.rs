//! Tracing of requests with spans of the crate `tracing`, which cost almost nothing unless they are collected. A program
//! that collects them passes a [`Tracer`] to the service.
//!
//! Of what a client sends, spans contain only the method if it is a known one, the request ID (`x-request-id`) and the
//! trace context: no address, no file name and no parameter.

mod context;

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use actix_web::http::Method;
use tracing::field::Empty;
use tracing::{Span, info_span};

pub(crate) use context::TRACEPARENT;
pub use context::TraceContext;

use crate::loaded_model::LoadedModel;

/// Collects the spans of the service.
pub trait Tracer: Debug + Send + Sync {
    /// Makes a new span a part of the caller's trace, or the root of a new one, and returns its own context, if it has one.
    /// The tracer decides which traces are recorded.
    fn begin(&self, span: &Span, caller: Option<TraceContext>) -> Option<TraceContext>;

    /// Number of recorded spans that were lost since the start, such as those that a collector rejected.
    fn lost(&self) -> u64;
}

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

/// The span of a request, and its context.
pub(crate) struct RequestTrace {
    span: Span,
    context: Option<TraceContext>,
}

impl RequestTrace {
    /// Starts the `span` of a request to a route; `callers` are the values of its header [`TRACEPARENT`]. Without a tracer
    /// there is only a context in the caller's trace, for the log.
    pub(crate) fn begin<'a>(
        callers: impl Iterator<Item = &'a [u8]>,
        route: &str,
        tracer: Option<&dyn Tracer>,
        span: impl FnOnce() -> Span,
    ) -> Self {
        let caller = TraceContext::from_values(callers);
        let is_traced = caller.is_some() || !PROBES.contains(&route);
        let Some(tracer) = tracer.filter(|_| is_traced) else {
            return Self { span: Span::none(), context: caller.map(unsampled) };
        };
        let span = span();
        let context = tracer.begin(&span, caller);
        Self { span, context }
    }

    /// The span in which the request is handled.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The context of the request in its trace, if it is part of one.
    pub(crate) fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// Records the status of the response.
    pub(crate) fn record_status(&self, status: u16) {
        self.span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The span of a request. The fields follow OpenTelemetry's semantic conventions for HTTP, where they apply.
pub(crate) fn http_span(method: &Method, route: &str, id: &str) -> Span {
    let method = method_label(method);
    info_span!(
        parent: None,
        "request",
        otel.name = %format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        request.id = id,
        model.name = Empty,
        model.version = Empty,
    )
}

/// The method as a field of a span, where a client may send anything.
fn method_label(method: &Method) -> &str {
    let known = [
        Method::GET,
        Method::HEAD,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::OPTIONS,
        Method::PATCH,
        Method::CONNECT,
        Method::TRACE,
    ];
    if known.contains(method) { method.as_str() } else { "_OTHER" }
}

/// A context in the caller's trace that is not recorded. The caller's own if the system has no randomness.
fn unsampled(caller: TraceContext) -> TraceContext {
    let random = getrandom::u64().ok().filter(|&id| id != 0);
    TraceContext { span_id: random.unwrap_or(caller.span_id), sampled: false, ..caller }
}

/// Records in the current span which model answered.
pub(crate) fn record_model(model: &LoadedModel) {
    let span = Span::current();
    span.record("model.name", model.name());
    if let Some(version) = &model.metadata().model_version {
        span.record("model.version", version);
    }
}

/// The span of one of several images of a request.
pub(crate) fn image_span(index: usize) -> Span {
    info_span!("image", index = index as i64)
}

/// The span of a job in the queue, with the span around it. It ends when a worker takes the job, or when this is dropped.
pub(crate) struct QueueSpan {
    parent: Span,
    queue: Mutex<Option<Span>>,
}

impl QueueSpan {
    pub(crate) fn enter() -> Self {
        Self { parent: Span::current(), queue: Mutex::new(Some(info_span!("queue"))) }
    }

    /// Ends the span, and returns its parent to run the job in.
    pub(crate) fn exit(&self) -> Span {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        drop(queue.take());
        self.parent.clone()
    }
}
