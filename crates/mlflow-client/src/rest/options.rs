//! How to talk to a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Hides a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// Who asks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody in particular.
    #[default]
    None,
    /// A user with a password (HTTP's Basic scheme).
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token (HTTP's Bearer scheme).
    Token(Secret),
}

/// How to talk to a server. The defaults are those of MLflow's own client.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpOptions {
    /// Who asks.
    pub credentials: Credentials,
    /// Longest wait for a connection, for each piece of a transfer, and for an answer to begin.
    pub timeout: Duration,
    /// How often a request that failed for a passing reason is sent again.
    pub max_retries: u32,
    /// The second repetition waits twice this long, each further one twice as long as the one
    /// before; the first does not wait. Up to one second is added by chance.
    pub backoff: Duration,
    /// No wait is longer, whatever the server asks for.
    pub longest_backoff: Duration,
    /// Whether any certificate of the server is taken for good.
    pub insecure_tls: bool,
    /// Certificates (PEM) to trust instead of the public ones.
    pub server_certificate: Option<PathBuf>,
    /// Certificate and key (PEM, one file) to show to the server.
    pub client_certificate: Option<PathBuf>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            credentials: Credentials::None,
            timeout: Duration::from_mins(2),
            max_retries: 7,
            backoff: Duration::from_secs(2),
            longest_backoff: Duration::from_mins(2),
            insecure_tls: false,
            server_certificate: None,
            client_certificate: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let options = HttpOptions {
            credentials: Credentials::Basic {
                user: "me".to_owned(),
                password: Secret::new("hidden"),
            },
            ..HttpOptions::default()
        };
        let shown = format!("{options:?}");
        assert!(shown.contains("me") && !shown.contains("hidden"), "{shown}");
        let token = Credentials::Token(Secret::new("hidden"));
        assert!(!format!("{token:#?}").contains("hidden"));
    }
}
