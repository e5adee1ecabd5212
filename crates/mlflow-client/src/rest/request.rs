//! One request: what is sent, and when it may be sent again.

use crate::artifact::Content;
use crate::config::HttpOptions;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use std::time::Duration;
use ureq::http::Method;

/// One request, in a form that can be sent again.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// From the root of the server, percent-encoded, with the query.
    pub(super) path: String,
    pub(super) payload: Payload<'a>,
    pub(super) retry: Retry,
    /// Kind and name of the requested entity, for the error when it does not exist.
    pub(super) subject: Option<(&'static str, String)>,
}

pub(super) enum Payload<'a> {
    Empty,
    Json(Value),
    File(Content<'a>, &'static str),
}

impl<'a> Request<'a> {
    fn new(method: Method, path: String, payload: Payload<'a>) -> Self {
        Self { method, path, payload, retry: Retry::Always, subject: None }
    }

    /// Reads from MLflow's interface.
    pub(super) fn get(endpoint: &str) -> Self {
        Self::new(Method::GET, api(endpoint), Payload::Empty)
    }

    /// Reads from a path of the server.
    pub(super) fn get_path(path: &str) -> Self {
        Self::new(Method::GET, path.to_owned(), Payload::Empty)
    }

    pub(super) fn post(endpoint: &str, body: Value) -> Self {
        Self::new(Method::POST, api(endpoint), Payload::Json(body))
    }

    pub(super) fn patch(endpoint: &str, body: Value) -> Self {
        Self::new(Method::PATCH, api(endpoint), Payload::Json(body))
    }

    pub(super) fn delete(endpoint: &str, body: Value) -> Self {
        Self::new(Method::DELETE, api(endpoint), Payload::Json(body))
    }

    /// Uploads to a path of the server.
    pub(super) fn put(path: String, content: Content<'a>, media_type: &'static str) -> Self {
        Self::new(Method::PUT, path, Payload::File(content, media_type))
    }

    /// Adds a pair to the query.
    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        let sign = if self.path.contains('?') { '&' } else { '?' };
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        self.path = format!("{}{sign}{key}={value}", self.path);
        self
    }

    /// Asks for a later page, in the body or the query.
    pub(super) fn page(mut self, token: Option<&str>) -> Self {
        match (token, &mut self.payload) {
            (None, _) => self,
            (Some(token), Payload::Json(body)) => {
                body["page_token"] = json!(token);
                self
            }
            (Some(token), _) => self.query("page_token", token),
        }
    }

    /// Names the requested entity.
    pub(super) fn about(mut self, what: &'static str, name: &str) -> Self {
        self.subject = Some((what, name.to_owned()));
        self
    }

    /// Marks a request that creates an entity: it is repeated only if the server has not seen it.
    pub(super) fn creating(mut self) -> Self {
        self.retry = Retry::IfUnseen;
        self
    }

    /// Marks a request that is never repeated.
    pub(super) fn once(mut self) -> Self {
        self.retry = Retry::Never;
        self
    }
}

/// A path of MLflow's interface.
fn api(endpoint: &str) -> String {
    format!("/api/2.0/mlflow/{endpoint}")
}

/// Whether to repeat a request that fails for a transient reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// Send it again: it is idempotent.
    Always,
    /// Send it again only if the server has not acted on it: a second time would create a second
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

impl Retry {
    /// How often a request may be sent.
    pub(super) fn attempts(self, options: &HttpOptions) -> u32 {
        match self {
            Self::Always | Self::IfUnseen => options.max_retries.saturating_add(1),
            Self::Never => 1,
        }
    }

    /// Whether the same request may succeed later, and may be sent again.
    pub(super) fn allows(self, failure: Failure) -> bool {
        match (self, failure) {
            // The statuses that MLflow's own client repeats.
            (Self::Always, Failure::Status(status)) => {
                matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
            }
            (Self::Always, _) => true,
            // 429 means that the request was rejected before anything was done.
            (Self::IfUnseen, _) => matches!(failure, Failure::Unsent | Failure::Status(429)),
            (Self::Never, _) => false,
        }
    }
}

/// How long to wait before retry `number` (from 1). `jitter` is random, from 0 to 255.
pub(super) fn delay(
    options: &HttpOptions,
    number: u32,
    retry_after: Option<Duration>,
    jitter: u8,
) -> Duration {
    let delay = match (retry_after, number) {
        (Some(requested), _) => requested,
        (None, 0 | 1) => return Duration::ZERO,
        (None, _) => {
            let doubled = options.backoff.saturating_mul(1 << (number - 1).min(30));
            // Many clients must not retry at the same moment.
            let max_jitter = options.backoff.min(Duration::from_secs(1));
            doubled.saturating_add(max_jitter.mul_f64(f64::from(jitter) / 255.0))
        }
    };
    delay.min(options.max_backoff)
}

/// The seconds of a `Retry-After` header; a date is not understood and counts as none.
pub(super) fn retry_after(header: Option<&str>) -> Option<Duration> {
    header?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_transient_failures_are_repeated() {
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(Retry::Always.allows(Failure::Status(status)));
        }
        for status in [400, 401, 403, 404, 409, 501] {
            assert!(!Retry::Always.allows(Failure::Status(status)));
        }
        assert!(Retry::Always.allows(Failure::Broken));
        assert!(!Retry::Never.allows(Failure::Unsent));
    }

    #[test]
    fn what_creates_an_entity_is_repeated_only_when_unseen() {
        assert!(Retry::IfUnseen.allows(Failure::Unsent));
        assert!(Retry::IfUnseen.allows(Failure::Status(429)));
        assert!(!Retry::IfUnseen.allows(Failure::Broken));
        assert!(!Retry::IfUnseen.allows(Failure::Status(503)));
    }

    #[test]
    fn delays_double_up_to_the_cap() {
        let options = HttpOptions::default();
        let seconds = |number| delay(&options, number, None, 0).as_secs();
        assert_eq!((1..=8).map(seconds).collect::<Vec<_>>(), [0, 4, 8, 16, 32, 64, 120, 120]);
        assert_eq!(delay(&options, 2, None, 255).as_secs(), 5);
        assert_eq!(delay(&options, u32::MAX, None, 0).as_secs(), 120);
    }

    #[test]
    fn the_server_may_say_how_long() {
        let options = HttpOptions::default();
        let asked = |header| delay(&options, 1, retry_after(header), 0).as_secs();
        assert_eq!(asked(Some("7")), 7);
        assert_eq!(asked(Some("100000")), 120);
        assert_eq!(asked(Some("Wed, 21 Oct 2026 07:28:00 GMT")), 0);
        assert_eq!(asked(None), 0);
    }
}
