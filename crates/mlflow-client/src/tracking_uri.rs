//! Which store a tracking URI names.

use crate::error::{Error, Result, public};
use crate::uri::{Uri, has_scheme};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

const EXPECTED: &str = "`http://…`, `https://…`, `sqlite:///PATH` or a folder";

/// Where runs and models are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrackingUri {
    /// A SQLite database; artifacts are in the folder `mlruns` beside it.
    Local {
        /// The database file.
        database: PathBuf,
    },
    /// An MLflow server.
    Server {
        /// Its address, without a `/` at the end and without credentials.
        url: String,
    },
}

impl TrackingUri {
    /// `mlflow.db` in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self::Local { database: folder.join("mlflow.db") }
    }
}

impl Default for TrackingUri {
    /// `mlflow.db` in the current folder, as MLflow has it.
    fn default() -> Self {
        Self::in_folder(Path::new(""))
    }
}

impl FromStr for TrackingUri {
    type Err = Error;

    /// Understands `http://…`, `https://…`, `sqlite:///relative.db`, `sqlite:////absolute.db`, the
    /// path of a database file (`.db`, `.sqlite`, or any file that exists) and the path of a folder.
    fn from_str(uri: &str) -> Result<Self> {
        let refuse = || Error::TrackingUri { uri: public(uri), expected: EXPECTED };
        if uri.starts_with("http://") || uri.starts_with("https://") {
            return server(uri).ok_or_else(refuse);
        }
        if let Some(path) = uri.strip_prefix("sqlite:///") {
            // SQLAlchemy, which reads the same URI, takes everything behind `?` as options.
            if path.is_empty() || path.contains(['?', '\0']) || path.starts_with(":memory:") {
                return Err(refuse());
            }
            return Ok(Self::Local { database: PathBuf::from(path) });
        }
        let named = uri == "databricks" || uri.contains("://") || has_scheme(uri);
        if uri.is_empty() || named || uri.contains('\0') {
            return Err(refuse());
        }
        Ok(local(Path::new(uri)))
    }
}

impl fmt::Display for TrackingUri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { database } => write!(formatter, "sqlite:///{}", database.display()),
            Self::Server { url } => formatter.write_str(url),
        }
    }
}

fn server(uri: &str) -> Option<TrackingUri> {
    let Uri { scheme, host, path, .. } = Uri::split(uri)?;
    let well_formed = !host.is_empty() && !uri.contains(['?', '#', ' ']);
    let url = format!("{scheme}://{host}{}", path.trim_end_matches('/'));
    well_formed.then_some(TrackingUri::Server { url })
}

fn local(path: &Path) -> TrackingUri {
    let named_so =
        path.extension().is_some_and(|extension| extension == "db" || extension == "sqlite");
    if path.is_file() || (named_so && !path.is_dir()) {
        return TrackingUri::Local { database: path.to_owned() };
    }
    TrackingUri::in_folder(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(uri: &str) -> PathBuf {
        match uri.parse().unwrap() {
            TrackingUri::Local { database } => database,
            TrackingUri::Server { url } => panic!("{url}"),
        }
    }

    #[test]
    fn local_stores() {
        assert_eq!(database("sqlite:///mlflow.db"), Path::new("mlflow.db"));
        assert_eq!(database("sqlite:////tmp/a b.db"), Path::new("/tmp/a b.db"));
        assert_eq!(database("/tmp/x.db"), Path::new("/tmp/x.db"));
        assert_eq!(database("/no/folder"), Path::new("/no/folder/mlflow.db"));
        assert_eq!(TrackingUri::default().to_string(), "sqlite:///mlflow.db");
    }

    #[test]
    fn servers_lose_slashes_and_credentials() {
        let uri: TrackingUri = "https://me:secret@host:5000/base/".parse().unwrap();
        assert_eq!(uri.to_string(), "https://host:5000/base");
    }

    #[test]
    fn anything_else_is_refused_without_its_secret() {
        for uri in [
            "",
            "databricks",
            "databricks://profile",
            "file:///tmp/mlruns",
            "file:mlruns",
            "postgresql://me:secret@host/db",
            "sqlite://",
            "sqlite:///",
            "sqlite:///a.db?mode=ro",
            "sqlite:///:memory:",
            "http://",
            "http:///path",
            "http://host/?token=a",
        ] {
            let error = uri.parse::<TrackingUri>().unwrap_err();
            assert!(!error.to_string().contains("secret"), "{error}");
            assert!(error.hint().is_some());
        }
    }
}
