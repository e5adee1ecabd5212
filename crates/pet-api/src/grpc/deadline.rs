//! The deadline of a call: `grpc-timeout`.

use std::time::Duration;

use hyper::HeaderMap;
use tokio::time::Instant;

use crate::error::ApiError;
use crate::upload::Deadline;

/// Most digits of a timeout, by the specification.
const DIGITS: usize = 8;

/// The deadline of a call that starts now: that of its client, but at most `timeout` from now.
pub(super) fn deadline(headers: &HeaderMap, timeout: Duration) -> Result<Deadline, ApiError> {
    let asked = match headers.get("grpc-timeout") {
        Some(value) => parse(value.as_bytes()).ok_or_else(|| {
            ApiError::bad_parameter(
                "`grpc-timeout` should be up to 8 digits and a unit: H, M, S, m, u or n",
            )
        })?,
        None => timeout,
    };
    Ok(Deadline(Instant::now() + timeout.min(asked)))
}

fn parse(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    let fits = digits.len() <= DIGITS && digits.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(digits).ok().filter(|_| fits)?.parse().ok()?;
    Some(match unit {
        b'H' => Duration::from_secs(number * 3600),
        b'M' => Duration::from_secs(number * 60),
        b'S' => Duration::from_secs(number),
        b'm' => Duration::from_millis(number),
        b'u' => Duration::from_micros(number),
        b'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_have_up_to_eight_digits_and_a_unit() {
        for (value, expected) in [
            ("1H", Some(Duration::from_hours(1))),
            ("2M", Some(Duration::from_mins(2))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("100m", Some(Duration::from_millis(100))),
            ("7u", Some(Duration::from_micros(7))),
            ("0n", Some(Duration::ZERO)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1s", None),
            ("-1S", None),
            ("+1S", None),
            ("1.5S", None),
            ("123456789m", None),
            ("\u{661}S", None),
        ] {
            assert_eq!(parse(value.as_bytes()), expected, "{value}");
        }
    }
}
