//! Which store to use, and how: set by the program, or by MLflow's environment variables.

use crate::credentials::{self, Credentials};
use crate::error::{Error, Result, excerpt};
use crate::tracking_uri::TrackingUri;
use crate::waiting::OnWaiting;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

/// Sampling more often would slow down the program that is measured.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);

/// Which store to use, and how.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Where runs and models are kept.
    pub tracking_uri: TrackingUri,
    /// The experiment to log to (`MLFLOW_EXPERIMENT_NAME`); for the caller, not used here.
    pub experiment_name: Option<String>,
    /// The run to resume (`MLFLOW_RUN_ID`); for the caller, not used here.
    pub run_id: Option<String>,
    /// Whether and how often to log system metrics; for the caller, not used here.
    pub system_metrics: SystemMetrics,
    /// How to talk to a server.
    pub http: HttpOptions,
    /// How long to wait for another process that writes to the local database; MLflow itself
    /// waits as long as the default, 20 s.
    pub lock_timeout: Duration,
}

/// Whether and how often a run logs the load of processors, memory, disk and network as metrics named `system/…`, as
/// MLflow's own client does. The defaults are MLflow's: off; when on, every ten seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SystemMetrics {
    /// Whether they are logged.
    pub enabled: bool,
    /// Time between two samples.
    pub interval: Duration,
    /// Samples that are averaged into one point of each metric.
    pub samples: NonZero<usize>,
}

impl Default for SystemMetrics {
    fn default() -> Self {
        Self { enabled: false, interval: Duration::from_secs(10), samples: NonZero::<usize>::MIN }
    }
}

/// How to talk to a server. The defaults are those of MLflow's own client.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HttpOptions {
    /// How to authenticate.
    pub credentials: Credentials,
    /// Maximum wait for a connection, for each piece of a transfer, and for an answer to begin.
    pub timeout: Duration,
    /// How often a request that failed for a transient reason is sent again.
    pub max_retries: u32,
    /// The first retry is immediate, the second waits twice this long, each further one twice as
    /// long as the one before, plus a random part of a second.
    pub backoff: Duration,
    /// Longest wait before a retry, even if the server asks for more.
    pub max_backoff: Duration,
    /// Whether any certificate of the server is accepted.
    pub insecure_tls: bool,
    /// Certificates (PEM) to trust instead of the public ones.
    pub server_certificate: Option<PathBuf>,
    /// Certificate and key (PEM, one file) to present to the server.
    pub client_certificate: Option<PathBuf>,
    /// Called when the server is slow to answer.
    pub on_waiting: Option<OnWaiting>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            credentials: Credentials::None,
            timeout: Duration::from_secs(120),
            max_retries: 7,
            backoff: Duration::from_secs(2),
            max_backoff: Duration::from_secs(120),
            insecure_tls: false,
            server_certificate: None,
            client_certificate: None,
            on_waiting: None,
        }
    }
}

impl From<TrackingUri> for Config {
    fn from(tracking_uri: TrackingUri) -> Self {
        Self::new(tracking_uri)
    }
}

impl Config {
    /// The default settings for a store.
    pub fn new(tracking_uri: TrackingUri) -> Self {
        Self {
            tracking_uri,
            experiment_name: None,
            run_id: None,
            system_metrics: SystemMetrics::default(),
            http: HttpOptions::default(),
            lock_timeout: Duration::from_secs(20),
        }
    }

    /// The settings of MLflow's environment variables. The crate does not read the environment by
    /// itself: `lookup` does, usually `|name| std::env::var(name).ok()`. Empty variables count as
    /// unset.
    ///
    /// | variable | meaning |
    /// |---|---|
    /// | `MLFLOW_TRACKING_URI` | see [`TrackingUri`]; `sqlite:///mlflow.db` if unset |
    /// | `MLFLOW_EXPERIMENT_NAME`, `MLFLOW_RUN_ID` | passed on to the caller |
    /// | `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` | `true`: see [`SystemMetrics`]; passed on to the caller |
    /// | `MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL` | seconds, at least 0.1 |
    /// | `MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING` | a number, at least 1 |
    /// | `MLFLOW_TRACKING_USERNAME` with `MLFLOW_TRACKING_PASSWORD` | Basic authentication |
    /// | `MLFLOW_TRACKING_TOKEN` | Bearer authentication, unless there are user and password |
    /// | `HOME` (or `USERPROFILE`) | where `.mlflow/credentials` may name user and password |
    /// | `MLFLOW_TRACKING_INSECURE_TLS` | `true`: accept any certificate |
    /// | `MLFLOW_TRACKING_SERVER_CERT_PATH` | certificates to trust, PEM |
    /// | `MLFLOW_TRACKING_CLIENT_CERT_PATH` | certificate and key to present, PEM |
    /// | `MLFLOW_HTTP_REQUEST_TIMEOUT` | seconds |
    /// | `MLFLOW_HTTP_REQUEST_MAX_RETRIES` | a number |
    /// | `MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR` | seconds, see [`HttpOptions::backoff`] |
    ///
    /// # Errors
    /// [`TrackingUri`](Error::TrackingUri) or [`Setting`](Error::Setting) when a value cannot be
    /// understood, or when the file with credentials cannot be read.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let uri = lookup("MLFLOW_TRACKING_URI");
        let tracking_uri = uri.as_deref().map_or(Ok(TrackingUri::default()), str::parse)?;
        let mut config = Self::new(tracking_uri);
        config.experiment_name = lookup("MLFLOW_EXPERIMENT_NAME");
        config.run_id = lookup("MLFLOW_RUN_ID");
        config.system_metrics = system_metrics(&lookup)?;
        let http = &mut config.http;
        http.credentials = credentials::find(&lookup, uri.as_deref())?;
        http.insecure_tls = flag(&lookup, "MLFLOW_TRACKING_INSECURE_TLS")?;
        http.server_certificate = lookup("MLFLOW_TRACKING_SERVER_CERT_PATH").map(PathBuf::from);
        http.client_certificate = lookup("MLFLOW_TRACKING_CLIENT_CERT_PATH").map(PathBuf::from);
        if let Some(timeout) = seconds(&lookup, "MLFLOW_HTTP_REQUEST_TIMEOUT")? {
            http.timeout = timeout;
        }
        if let Some(backoff) = seconds(&lookup, "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR")? {
            http.backoff = backoff;
        }
        let retries = "MLFLOW_HTTP_REQUEST_MAX_RETRIES";
        if let Some(text) = lookup(retries) {
            let number = text.trim().parse();
            http.max_retries = number.map_err(|_| wrong(retries, "an integer", &text))?;
        }
        Ok(config)
    }
}

fn system_metrics(lookup: &impl Fn(&str) -> Option<String>) -> Result<SystemMetrics> {
    let mut settings = SystemMetrics {
        enabled: flag(lookup, "MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING")?,
        ..SystemMetrics::default()
    };
    let interval = "MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL";
    if let Some(time) = seconds(lookup, interval)? {
        if time < SHORTEST_INTERVAL {
            let text = lookup(interval).unwrap_or_default();
            return Err(wrong(interval, "at least 0.1 seconds", &text));
        }
        settings.interval = time;
    }
    let samples = "MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING";
    if let Some(text) = lookup(samples) {
        let number = text.trim().parse();
        settings.samples = number.map_err(|_| wrong(samples, "a number of at least 1", &text))?;
    }
    Ok(settings)
}

fn seconds(
    lookup: &impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<Duration>> {
    lookup(name)
        .map(|text| {
            let number = text.trim().parse().ok().filter(|number| *number >= 0.0);
            number
                .and_then(|number| Duration::try_from_secs_f64(number).ok())
                .ok_or_else(|| wrong(name, "a number of seconds", &text))
        })
        .transpose()
}

fn flag(lookup: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<bool> {
    let Some(text) = lookup(name) else {
        return Ok(false);
    };
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(wrong(name, "`true` or `false`", &text)),
    }
}

fn wrong(name: &'static str, expected: &'static str, value: &str) -> Error {
    Error::Setting { name, expected, value: excerpt(value) }
}
