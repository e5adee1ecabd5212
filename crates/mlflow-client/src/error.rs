//! The error type of the crate.

use std::error::Error as StdError;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause that belongs to a library this crate does not show in its interface.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The tracking URI names no store that this crate can open.
    #[error("cannot use tracking URI `{uri}`: expected {expected}")]
    TrackingUri {
        /// The URI, with user names and passwords removed.
        uri: String,
        /// What is understood.
        expected: &'static str,
    },
    /// The store's feature of this crate was off when the program was built.
    #[error(
        "cannot open `{uri}`: this program was built without the feature `{feature}` of mlflow-client"
    )]
    FeatureOff {
        /// The tracking URI, without credentials.
        uri: String,
        /// The feature.
        feature: &'static str,
    },
    /// A setting has a value that cannot be understood.
    #[error("invalid setting `{name}`: expected {expected}, got `{value}`")]
    Setting {
        /// Name of the environment variable.
        name: &'static str,
        /// What it may be.
        expected: &'static str,
        /// What it was.
        value: String,
    },
    /// A name, key or value that MLflow does not accept.
    #[error("invalid {what} `{value}`: expected {expected}")]
    Invalid {
        /// What the value was meant for.
        what: &'static str,
        /// The beginning of the value.
        value: String,
        /// What is accepted.
        expected: String,
    },
    /// A filter or an `order_by` clause that does not follow MLflow's grammar.
    #[error("invalid search `{text}` at character {position}: expected {expected}")]
    Search {
        /// The whole filter or clause.
        text: String,
        /// Where it stops being understood, counted in characters from 1.
        position: usize,
        /// What could have stood there.
        expected: &'static str,
    },
    /// The thing asked for does not exist.
    #[error("{what} `{name}` does not exist")]
    NotFound {
        /// Kind of the thing.
        what: &'static str,
        /// Its name or id.
        name: String,
    },
    /// Several runs have IDs with the same beginning.
    #[error("`{id}` matches the IDs of {found} runs")]
    AmbiguousRun {
        /// The beginning of the ID.
        id: String,
        /// Number of runs.
        found: usize,
    },
    /// The thing to be created exists already.
    #[error("{what} `{name}` already exists")]
    AlreadyExists {
        /// Kind of the thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// An alias was moved meanwhile, by another program or a person.
    #[error("alias `{alias}` of `{model}` was moved in the meantime: expected {}, found {}", version_text(*expected), version_text(*got))]
    AliasMoved {
        /// The registered model.
        model: String,
        /// The alias.
        alias: String,
        /// The version that it was to point to; `None` for no version.
        expected: Option<u32>,
        /// The version that it points to.
        got: Option<u32>,
    },
    /// A parameter can be written only once.
    #[error("parameter `{key}` of run `{run_id}` is already `{logged}`, got `{value}`")]
    ParamChanged {
        /// The run.
        run_id: String,
        /// The parameter.
        key: String,
        /// Its value.
        logged: String,
        /// The value that was to replace it.
        value: String,
    },
    /// A file or folder could not be read or written; the text names it.
    #[error(transparent)]
    Io {
        /// The operating system's error, with the path.
        #[from]
        source: io::Error,
    },
    /// The system gave no random bytes for an id.
    #[error("cannot get random bytes for a new id")]
    Random {
        /// The operating system's error.
        source: io::Error,
    },
    /// Another process held the database for too long.
    #[error("database `{}` has been locked for more than {:.1} s", path.display(), waited.as_secs_f64())]
    DatabaseLocked {
        /// The database file.
        path: PathBuf,
        /// How long this process waited.
        waited: Duration,
    },
    /// The file is something else, or damaged.
    #[error("`{}` is not a valid SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: Cause,
    },
    /// The disk, or the quota, is used up.
    #[error("no space left to write database `{}`", path.display())]
    DatabaseFull {
        /// The database file.
        path: PathBuf,
        /// SQLite's error.
        source: Cause,
    },
    /// The database is one of MLflow's, but of a version that this crate does not know.
    #[error("database `{}` has no {missing}, which MLflow's tracking store needs", path.display())]
    Schema {
        /// The database file.
        path: PathBuf,
        /// The table, or the column with its table.
        missing: String,
    },
    /// SQLite refused for another reason.
    #[error("cannot {action} in database `{}`", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// SQLite's error.
        source: Cause,
    },
    /// Artifacts of this kind of URI cannot be reached.
    #[error("cannot reach artifacts at `{uri}`: expected {expected}")]
    ArtifactUri {
        /// The artifact URI, with user names and passwords removed.
        uri: String,
        /// What is understood.
        expected: &'static str,
    },
    /// The server could not be reached, or the connection broke.
    #[error("cannot talk to the MLflow server at `{url}`")]
    Connection {
        /// The address, without credentials and query.
        url: String,
        /// What failed.
        source: Cause,
    },
    /// The server refused the request.
    #[error("MLflow server responded with {status} {code} to `{url}`: {message}")]
    Server {
        /// The address, without credentials and query.
        url: String,
        /// The HTTP status.
        status: u16,
        /// MLflow's error code, or `-` where the answer was not MLflow's.
        code: String,
        /// The server's explanation, shortened.
        message: String,
    },
    /// The server's answer is not what MLflow's interface promises.
    #[error("unexpected response from `{url}`: expected {expected}, got `{got}`")]
    Answer {
        /// The address, without credentials and query.
        url: String,
        /// What was expected.
        expected: &'static str,
        /// The beginning of the answer, or what was wrong with it.
        got: String,
    },
    /// A file of the spool holds something else.
    #[error("cannot parse `{}` in the spool", path.display())]
    SpoolEntry {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        source: Cause,
    },
    /// A run in the spool is still being written, or sent by another process.
    #[error("the run in `{}` is in use by another process", path.display())]
    SpoolBusy {
        /// Its folder.
        path: PathBuf,
    },
}

impl Error {
    pub(crate) fn not_found(what: &'static str, name: impl Into<String>) -> Self {
        Self::NotFound { what, name: name.into() }
    }

    #[cfg(any(feature = "local", feature = "model"))]
    pub(crate) fn already_exists(what: &'static str, name: impl Into<String>) -> Self {
        Self::AlreadyExists { what, name: name.into() }
    }

    /// A remedy, where a person can act.
    pub fn hint(&self) -> Option<String> {
        let text = match self {
            Self::TrackingUri { .. } => {
                "set `MLFLOW_TRACKING_URI` to `http://HOST:PORT` or `sqlite:///mlflow.db`, or leave it unset"
            }
            Self::ParamChanged { .. } => "log the new value under another key, or start a new run",
            Self::DatabaseLocked { .. } => {
                "stop the other program that is writing to it, or try again later"
            }
            Self::NotADatabase { .. } => "move the file away, or use another database",
            Self::DatabaseFull { .. } => "free some disk space and try again",
            Self::Schema { .. } => {
                "run `mlflow db upgrade sqlite:///PATH`, or use another database"
            }
            Self::ArtifactUri { .. } => {
                "start the server with `--serve-artifacts`, so that it proxies artifacts"
            }
            Self::Connection { .. } => {
                "check that the server is running and that `MLFLOW_TRACKING_URI` is correct"
            }
            Self::SpoolEntry { .. } => "move the folder away to continue without it",
            Self::SpoolBusy { .. } => "wait until the process that is writing the run has finished",
            Self::Io { source } => io_hint(source)?,
            Self::Server { status, message, .. } => server_hint(*status, message)?,
            _ => return None,
        };
        Some(text.to_owned())
    }

    /// Whether the store is at fault rather than the request, so that the same request may succeed
    /// later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connection { .. }
            | Self::Answer { .. }
            | Self::DatabaseLocked { .. }
            | Self::DatabaseFull { .. } => true,
            // An answer that is not MLflow's comes from a gateway or a login page.
            Self::Server { status, code, .. } => {
                code == "-" || matches!(status, 401 | 403 | 408 | 429 | 500..=599)
            }
            _ => false,
        }
    }

    /// Whether the thing asked for does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}

fn io_hint(source: &io::Error) -> Option<&'static str> {
    Some(match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "free some disk space and try again"
        }
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
        _ => return None,
    })
}

fn server_hint(status: u16, message: &str) -> Option<&'static str> {
    Some(match status {
        401 => {
            "set `MLFLOW_TRACKING_USERNAME` and `MLFLOW_TRACKING_PASSWORD`, or `MLFLOW_TRACKING_TOKEN`"
        }
        403 if message.contains("Invalid Host header") => {
            "start the server with `--allowed-hosts` and the host of the tracking URI"
        }
        403 => "ask the server's administrator for permission",
        404 => {
            "check the path in `MLFLOW_TRACKING_URI`; the server may also be too old for this request"
        }
        429 | 500..=599 => "try again later; the server's log may have details",
        _ => return None,
    })
}

/// What an alias points to, in words.
fn version_text(version: Option<u32>) -> String {
    version.map_or_else(|| "no version".to_owned(), |version| format!("version {version}"))
}

/// The beginning of a text, on one line, for an error message.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX: usize = 120;
    let mut short: String =
        text.chars().take(MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().nth(MAX).is_some() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_on_one_line() {
        let text = excerpt(&format!("a\nb{}", "x".repeat(500)));
        assert!(text.starts_with("a b") && text.chars().count() == 121);
    }
}
