//! Spans: what is done for a request, and when. They are spans of the crate `tracing`, which cost next to nothing
//! where nobody collects them; the program that does so hands a [`Tracer`] to the service.
//!
//! Nothing of what a client sends goes into a span but its method, if it is a known one, its name for the request
//! (`x-request-id`) and its place in a trace: no address, no name of a file, no parameter.

mod context;

use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use tracing::field::Empty;
use tracing::{Span, info_span};

pub(crate) use context::TRACEPARENT;
pub use context::TraceContext;

use crate::served::Served;

/// Collects the spans of the service.
pub trait Tracer: Debug + Send + Sync {
    /// Makes a span that has just begun a part of the caller's trace, or the beginning of a new one, and gives its own
    /// place; `None` if it has none. It is for the tracer to say which traces are recorded.
    fn begin(&self, span: &Span, caller: Option<TraceContext>) -> Option<TraceContext>;

    /// Recorded spans that were lost since the start, such as those that a collector did not take.
    fn lost(&self) -> u64;
}

/// What is asked so often that it would hide everything else, and says nothing; traced only as part of a trace.
const PROBES: [&str; 6] = [
    "/health",
    "/health/live",
    "/health/ready",
    "/metrics",
    "/v2/health/live",
    "/v2/health/ready",
];

/// The span of one request, and its place in a trace.
pub(crate) struct RequestTrace {
    span: Span,
    place: Option<TraceContext>,
}

impl RequestTrace {
    /// Begins the span of a request to a route, by its pattern. Without a tracer there is none, but a place in the
    /// caller's trace, for the log.
    pub(crate) fn begin(
        request: &ServiceRequest,
        route: &str,
        id: &str,
        tracer: Option<&dyn Tracer>,
    ) -> Self {
        let caller = TraceContext::of(request.headers());
        let is_wanted = caller.is_some() || !PROBES.contains(&route);
        let Some(tracer) = tracer.filter(|_| is_wanted) else {
            return Self {
                span: Span::none(),
                place: caller.map(unrecorded),
            };
        };
        let span = span(known(request.method()), route, id);
        let place = tracer.begin(&span, caller);
        Self { span, place }
    }

    /// The span, in which everything is done for the request.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The place of the request in its trace, if it has any.
    pub(crate) fn place(&self) -> Option<TraceContext> {
        self.place
    }

    /// The request is answered.
    pub(crate) fn answered(&self, status: u16) {
        self.span
            .record("http.response.status_code", i64::from(status));
        if status >= 500 {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

/// The names of the fields are those of OpenTelemetry's semantic conventions for HTTP, where they have one.
fn span(method: &str, route: &str, id: &str) -> Span {
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

/// A client may call its method anything.
fn known(method: &Method) -> &str {
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
    if known.contains(method) {
        method.as_str()
    } else {
        "_OTHER"
    }
}

/// A place in the caller's trace that nobody records. The caller's own, where the system has no randomness.
fn unrecorded(caller: TraceContext) -> TraceContext {
    let random = getrandom::u64().ok().filter(|&id| id != 0);
    TraceContext {
        span_id: random.unwrap_or(caller.span_id),
        sampled: false,
        ..caller
    }
}

/// This model has answered the request whose span is entered.
pub(crate) fn answered_by(served: &Served) {
    let span = Span::current();
    span.record("model.name", served.name());
    if let Some(version) = &served.metadata().model_version {
        span.record("model.version", version);
    }
}

/// One of several images of a request.
pub(crate) fn image(index: usize) -> Span {
    info_span!("image", index = index as i64)
}

/// The spans around a piece of work: that of what asked for it, and that of its waiting, which ends when it is taken,
/// or when nobody waits for it any more.
pub(crate) struct Waiting {
    asker: Span,
    queue: Mutex<Option<Span>>,
}

impl Waiting {
    /// Begins to wait, for what the current span is about.
    pub(crate) fn begin() -> Self {
        Self {
            asker: Span::current(),
            queue: Mutex::new(Some(info_span!("queue"))),
        }
    }

    /// Ends the waiting; the span to work in.
    pub(crate) fn end(&self) -> Span {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        drop(queue.take());
        self.asker.clone()
    }
}
