//! The store behind an MLflow server.

use std::time::Duration;

/// How to talk to a server.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Longest wait for a connection, and for an answer.
    pub timeout: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(2),
        }
    }
}
