//! What is reported about a request: in the access log, and in the headers of its response.

use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderName, HeaderValue};
use pet_predict::Timing;
use tracing::field::display;

use crate::metrics::milliseconds;
use crate::trace::{TRACEPARENT, TraceContext};

/// An entry of the access log, written when the request ends, even if the client disconnects.
pub(crate) struct LogEntry {
    pub(crate) id: String,
    method: String,
    path: String,
    pub(crate) started: Instant,
    pub(crate) trace: Option<TraceContext>,
    pub(crate) status: Option<u16>,
}

impl LogEntry {
    pub(crate) fn new(id: String, method: &str, path: &str) -> Self {
        Self {
            id,
            method: method.to_owned(),
            path: path.to_owned(),
            started: Instant::now(),
            trace: None,
            status: None,
        }
    }

    /// The headers of the response: the request ID, and the trace context if there is one.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let context = self.trace.map(|trace| (TRACEPARENT, trace.to_string()));
        std::iter::once((REQUEST_ID, self.id.clone())).chain(context)
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        let Self { id, method, path, started, trace, status } = self;
        let milliseconds = milliseconds(started.elapsed());
        let trace_id = trace.map(|trace| display(format!("{:032x}", trace.trace_id)));
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
pub(crate) fn request_id(given: Option<&[u8]>) -> String {
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
    let value = HeaderValue::from_str(&text);
    let value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    (SERVER_TIMING, value)
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
