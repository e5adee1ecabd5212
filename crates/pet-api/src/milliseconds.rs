//! Durations as the log and the answers give them.

use std::time::Duration;

/// In milliseconds, down to whole microseconds: more digits would be noise.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
