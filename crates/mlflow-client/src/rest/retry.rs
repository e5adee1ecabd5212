//! When to ask again, and how long to wait before.

use super::options::HttpOptions;
use std::time::Duration;

/// What may be done when a request fails for a passing reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Send it again: doing it twice is doing it once.
    Always,
    /// Send it again only if the server has not acted on it: a second time would make a second
    /// entity.
    IfUnseen,
    /// Give up at once.
    Never,
}

/// Why a request failed, as far as repeating it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// There was no connection.
    Unsent,
    /// The connection broke, or nothing came back in time.
    Broken,
    /// The server answered with this status.
    Status(u16),
}

/// Whether the same request may succeed later, and may be sent again.
pub(super) fn may_repeat(repeat: Repeat, failure: Failure) -> bool {
    let passing = !matches!(failure, Failure::Status(status) if !is_passing(status));
    match repeat {
        Repeat::Always => passing,
        // 429 means that the request was turned away at the door.
        Repeat::IfUnseen => matches!(failure, Failure::Unsent | Failure::Status(429)),
        Repeat::Never => false,
    }
}

/// The statuses that MLflow's own client repeats.
fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

/// How long to wait before repetition `number` (from 1). `chance` is from 0 to 255.
pub(super) fn wait(
    options: &HttpOptions,
    number: u32,
    retry_after: Option<Duration>,
    chance: u8,
) -> Duration {
    let wait = match (retry_after, number) {
        (Some(asked), _) => asked,
        (None, 0 | 1) => return Duration::ZERO,
        (None, _) => {
            let doubled = options.backoff.saturating_mul(1 << (number - 1).min(30));
            // Many clients must not come back at the same moment.
            let most = options.backoff.min(Duration::from_secs(1));
            doubled.saturating_add(most.mul_f64(f64::from(chance) / 255.0))
        }
    };
    wait.min(options.longest_backoff)
}

/// The seconds of a `Retry-After` header; a date is not understood and counts as none.
pub(super) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_passing_failures_are_repeated() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(may_repeat(Repeat::Always, Failure::Status(status)));
        }
        for status in [400, 401, 403, 404, 409, 501] {
            assert!(!may_repeat(Repeat::Always, Failure::Status(status)));
        }
        assert!(may_repeat(Repeat::Always, Failure::Broken));
        assert!(!may_repeat(Repeat::Never, Failure::Unsent));
    }

    #[test]
    fn what_makes_an_entity_is_repeated_only_when_unseen() {
        assert!(may_repeat(Repeat::IfUnseen, Failure::Unsent));
        assert!(may_repeat(Repeat::IfUnseen, Failure::Status(429)));
        assert!(!may_repeat(Repeat::IfUnseen, Failure::Broken));
        assert!(!may_repeat(Repeat::IfUnseen, Failure::Status(503)));
    }

    #[test]
    fn waits_double_up_to_the_cap() {
        let options = HttpOptions::default();
        let seconds = |number| wait(&options, number, None, 0).as_secs();
        assert_eq!(
            (1..=8).map(seconds).collect::<Vec<_>>(),
            [0, 4, 8, 16, 32, 64, 120, 120]
        );
        assert_eq!(wait(&options, 2, None, 255).as_secs(), 5);
        assert_eq!(wait(&options, u32::MAX, None, 0).as_secs(), 120);
    }

    #[test]
    fn the_server_may_say_how_long() {
        let options = HttpOptions::default();
        let asked = |header| wait(&options, 1, retry_after(header), 0).as_secs();
        assert_eq!(asked(Some("7")), 7);
        assert_eq!(asked(Some("100000")), 120);
        assert_eq!(asked(Some("Wed, 21 Oct 2026 07:28:00 GMT")), 0);
        assert_eq!(asked(None), 0);
    }
}
