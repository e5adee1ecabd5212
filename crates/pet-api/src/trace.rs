//! Tracing of requests with spans of the crate `tracing`, which cost almost nothing unless they are collected. A program
//! that collects them passes a [`Tracer`] to the service.
//!
//! Of what a client sends, spans contain only the method if it is a known one, the request ID (`x-request-id`) and the
//! trace context: no address, no file name and no parameter.

use std::fmt::{self, Debug, Display, Formatter};

use actix_web::http::Method;
use parking_lot::Mutex;
use tracing::field::Empty;
use tracing::{Span, info_span};

/// Collects the spans of the service.
pub trait Tracer: Debug + Send + Sync {
    /// Makes a new span a part of the caller's trace, or the root of a new one, and returns its own context, if it has one.
    /// The tracer decides which traces are recorded.
    fn begin(&self, span: &Span, caller: Option<TraceContext>) -> Option<TraceContext>;

    /// Number of recorded spans that were lost since the start, such as those that a collector rejected.
    fn lost(&self) -> u64;
}

/// The header of W3C Trace Context (Recommendation, level 1), in requests and responses.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// The context of a request in a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never 0.
    pub trace_id: u128,
    /// The parent span; never 0.
    pub span_id: u64,
    /// Whether the parent span is recorded; other services should do the same.
    pub sampled: bool,
}

impl TraceContext {
    /// Parses the value of the header. `None` if it is malformed, which counts as no header. Later versions may have more
    /// fields after the four of this one.
    pub fn parse(value: &str) -> Option<Self> {
        let mut fields = value.splitn(5, '-');
        let version = hexadecimal(fields.next()?, 2)?;
        let trace_id = hexadecimal(fields.next()?, 32)?;
        let span_id = hexadecimal(fields.next()?, 16)? as u64;
        let flags = hexadecimal(fields.next()?, 2)?;
        let more = fields.next().is_some();
        let is_valid = version != 0xff && !(version == 0 && more) && trace_id != 0 && span_id != 0;
        is_valid.then_some(Self { trace_id, span_id, sampled: flags & 1 == 1 })
    }

    /// A context in this trace that is not recorded. Its own span if the system has no randomness.
    pub(crate) fn unsampled(self) -> Self {
        let random = getrandom::u64().ok().filter(|&id| id != 0);
        Self { span_id: random.unwrap_or(self.span_id), sampled: false, ..self }
    }

    /// The context in the values of the header; `None` if there are several.
    pub(crate) fn from_values<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let value = values.next().filter(|_| values.next().is_none())?;
        Self::parse(std::str::from_utf8(value).ok()?)
    }
}

impl Display for TraceContext {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { trace_id, span_id, sampled } = self;
        let flags = u8::from(*sampled);
        write!(f, "00-{trace_id:032x}-{span_id:016x}-{flags:02x}")
    }
}

/// Parses exactly `digits` lower-case hexadecimal digits.
fn hexadecimal(text: &str, digits: usize) -> Option<u128> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = text.len() == digits && text.bytes().all(is_digit);
    fits.then(|| u128::from_str_radix(text, 16).ok())?
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
    const KNOWN: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE"];
    if KNOWN.contains(&method.as_str()) { method.as_str() } else { "_OTHER" }
}

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
        drop(self.queue.lock().take());
        self.parent.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn parses_valid_headers() {
        for (value, sampled) in [
            (format!("00-{TRACE}-{SPAN}-01"), true),
            (format!("00-{TRACE}-{SPAN}-00"), false),
            (format!("00-{TRACE}-{SPAN}-ff"), true),
            (format!("cc-{TRACE}-{SPAN}-01"), true),
            (format!("cc-{TRACE}-{SPAN}-00-what-the-future-brings"), false),
        ] {
            let context = TraceContext::parse(&value).unwrap();
            assert_eq!(context.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
            assert_eq!(context.span_id, 0x00f0_67aa_0ba9_02b7);
            assert_eq!(context.sampled, sampled, "{value}");
        }
    }

    #[test]
    fn ignores_malformed_headers() {
        for value in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-0x"),
            format!("00-{TRACE}-{SPAN}-+1"),
            format!("00-{TRACE}1-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01.more"),
        ] {
            assert_eq!(TraceContext::parse(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn parses_any_text_without_panic(value in ".{0,80}") {
            let _ = TraceContext::parse(&value);
        }

        #[test]
        fn parses_what_it_writes(trace_id in 1..=u128::MAX, span_id in 1..=u64::MAX, sampled: bool) {
            let context = TraceContext { trace_id, span_id, sampled };
            prop_assert_eq!(TraceContext::parse(&context.to_string()), Some(context));
        }
    }
}
