//! Which store to use, and how.

use crate::rest::HttpOptions;
use crate::tracking_uri::TrackingUri;
use std::time::Duration;

/// Which store to use, and how.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where runs and models are kept.
    pub tracking_uri: TrackingUri,
    /// How to talk to a server.
    pub http: HttpOptions,
    /// How long to wait for another process that writes to the local database; MLflow itself
    /// waits as long as the default, 20 s.
    pub lock_timeout: Duration,
}

impl Config {
    /// The usual settings for a store.
    pub fn new(tracking_uri: TrackingUri) -> Self {
        Self {
            tracking_uri,
            http: HttpOptions::default(),
            lock_timeout: Duration::from_secs(20),
        }
    }
}
