//! The header `Server-Timing`: how long each phase of an answer took.

use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use pet_predict::Timing;

use crate::metrics::milliseconds;

/// The name of the header.
pub(crate) const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The phases of a prediction.
pub(crate) fn of_prediction(queue: Duration, timing: Timing) -> (HeaderName, HeaderValue) {
    phases(&[
        ("queue", queue),
        ("decode", timing.decode),
        ("preprocess", timing.preprocess),
        ("infer", timing.inference),
    ])
}

/// The header for phases by their names, in milliseconds.
pub(crate) fn phases(phases: &[(&str, Duration)]) -> (HeaderName, HeaderValue) {
    let one = |(name, took): &(&str, Duration)| format!("{name};dur={}", milliseconds(*took));
    let text = phases.iter().map(one).collect::<Vec<_>>().join(", ");
    // Names and numbers are always fit for a header.
    let value = HeaderValue::from_str(&text);
    let value = value.unwrap_or_else(|_| HeaderValue::from_static(""));
    (SERVER_TIMING, value)
}
