//! Which store to use, and how: set by the program, or by MLflow's environment variables and `~/.mlflow/credentials`.

use crate::error::{Error, Result, excerpt};
use crate::location::{TrackingUri, Uri};
use percent_encoding::percent_decode_str;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

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

/// A text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that sends it.
    #[cfg(feature = "rest")]
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

/// How a client authenticates.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credentials {
    /// It does not.
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

/// A server that has not answered a request for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiting {
    /// The server's address.
    pub server: String,
    /// How long there has been no answer.
    pub waited: Duration,
    /// How often the request is sent before it is given up, including the first time.
    pub attempts: u32,
    /// How long each attempt waits for the server.
    pub timeout: Duration,
}

/// A function that is called once per client, from a separate thread, when a server has not answered for two
/// seconds.
#[derive(Debug, Clone, Copy)]
pub struct OnWaiting(pub fn(&Waiting));

impl PartialEq for OnWaiting {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
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
        http.credentials = credentials(&lookup, uri.as_deref())?;
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
        if let Some(number) = setting(&lookup, retries, "an integer", |text| text.parse().ok())? {
            http.max_retries = number;
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
    let number = setting(lookup, samples, "a number of at least 1", |text| text.parse().ok())?;
    settings.samples = number.unwrap_or(settings.samples);
    Ok(settings)
}

fn seconds(
    lookup: &impl Fn(&str) -> Option<String>,
    name: &'static str,
) -> Result<Option<Duration>> {
    setting(lookup, name, "a number of seconds", |text| {
        Duration::try_from_secs_f64(text.parse().ok()?).ok()
    })
}

fn flag(lookup: &impl Fn(&str) -> Option<String>, name: &'static str) -> Result<bool> {
    let value = setting(lookup, name, "`true` or `false`", |text| {
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    });
    Ok(value?.unwrap_or_default())
}

/// The value of a variable, none if it is not set.
fn setting<T>(
    lookup: &impl Fn(&str) -> Option<String>,
    name: &'static str,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    let Some(text) = lookup(name) else {
        return Ok(None);
    };
    parse(text.trim()).map(Some).ok_or_else(|| wrong(name, expected, &text))
}

fn wrong(name: &'static str, expected: &'static str, value: &str) -> Error {
    Error::Setting { name, expected, value: excerpt(value) }
}

/// The credentials in MLflow's order: user and password, then a token. User and password come from
/// the environment, from the address (`http://user:password@host`), or from the file; each of the
/// two is looked up separately.
fn credentials(lookup: &impl Fn(&str) -> Option<String>, uri: Option<&str>) -> Result<Credentials> {
    let environment = (lookup("MLFLOW_TRACKING_USERNAME"), lookup("MLFLOW_TRACKING_PASSWORD"));
    let from_uri = uri.and_then(in_uri);
    let (user, password) = match (environment, from_uri) {
        ((Some(user), Some(password)), _) | (_, Some((user, password))) => {
            (Some(user), Some(password))
        }
        ((user, password), None) => {
            let (filed_user, filed_password) = in_home(lookup)?;
            (user.or(filed_user), password.or(filed_password))
        }
    };
    Ok(match (user, password, lookup("MLFLOW_TRACKING_TOKEN")) {
        (Some(user), Some(password), _) => {
            Credentials::Basic { user, password: Secret::new(password) }
        }
        (_, _, Some(token)) => Credentials::Token(Secret::new(token)),
        _ => Credentials::None,
    })
}

fn in_uri(uri: &str) -> Option<(String, String)> {
    let uri = Uri::split(uri).filter(|uri| uri.scheme.starts_with("http"))?;
    let (user, password) = uri.user?.split_once(':').unwrap_or((uri.user?, ""));
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decode(user), decode(password)))
}

type UserAndPassword = (Option<String>, Option<String>);

fn in_home(lookup: &impl Fn(&str) -> Option<String>) -> Result<UserAndPassword> {
    let Some(home) = lookup("HOME").or_else(|| lookup("USERPROFILE")) else {
        return Ok((None, None));
    };
    match fs_err::read_to_string(Path::new(&home).join(".mlflow/credentials")) {
        Ok(text) => Ok(in_file(&text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok((None, None)),
        Err(error) => Err(error.into()),
    }
}

/// The section `[mlflow]` of an INI file.
fn in_file(text: &str) -> UserAndPassword {
    let mut found = (None, None);
    let mut in_section = false;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            in_section = section.trim_end_matches(']').trim() == "mlflow";
        } else if let (true, Some((key, value))) = (in_section, line.split_once('=')) {
            let value = Some(value.trim().to_owned());
            match key.trim().to_ascii_lowercase().as_str() {
                "mlflow_tracking_username" => found.0 = value,
                "mlflow_tracking_password" => found.1 = value,
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let password = Secret::new("hidden");
        let shown = format!("{:?}", Credentials::Basic { user: "me".to_owned(), password });
        assert!(shown.contains("me") && !shown.contains("hidden"), "{shown}");
        let token = Credentials::Token(Secret::new("hidden"));
        assert!(!format!("{token:#?}").contains("hidden"));
    }

    #[test]
    fn only_the_right_section_of_the_file_counts() {
        let text = "[other]\nmlflow_tracking_username = no\n# comment\n\n [mlflow]\nmlflow_tracking_username = me \n; x\nMLFLOW_TRACKING_PASSWORD=a=b\nbroken";
        assert_eq!(in_file(text), (Some("me".into()), Some("a=b".into())));
        assert_eq!(in_file(""), (None, None));
    }

    #[test]
    fn the_address_may_carry_both() {
        let both = in_uri("https://me:p%40ss@host/path@x").unwrap();
        assert_eq!(both, ("me".into(), "p@ss".into()));
        assert_eq!(in_uri("http://host/path@x"), None);
    }
}
