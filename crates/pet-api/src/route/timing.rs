//! The header `Server-Timing`: how long each phase of a request took.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use pet_predict::Timing;

use crate::metrics::milliseconds;

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

/// The header for named phases.
pub(crate) fn server_timing(phases: &[(&str, Duration)]) -> (HeaderName, HeaderValue) {
    let one = |(name, took): &(&str, Duration)| format!("{name};dur={}", milliseconds(*took));
    let text = phases.iter().map(one).collect::<Vec<_>>().join(", ");
    // Names and numbers are always valid in a header.
    let value = HeaderValue::from_str(&text);
    let value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    (SERVER_TIMING, value)
}
