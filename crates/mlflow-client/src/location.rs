//! What URIs name: a store, or a folder of artifacts. They come from callers and from servers.

use crate::error::{Error, Result, excerpt};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Percent-encodes all but RFC 3986's unreserved characters and the separator.
pub(crate) const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

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

/// The absolute `file:///…` URI of a path.
///
/// # Errors
/// When the current folder is unknown, or the path is not Unicode, which MLflow cannot store.
#[cfg(feature = "local")]
pub(crate) fn from_path(path: &Path) -> Result<String> {
    let absolute = std::path::absolute(path)?;
    let text = absolute.to_str().ok_or_else(|| {
        crate::limits::invalid("path", &path.to_string_lossy(), "a valid Unicode path")
    })?;
    Ok(format!("file://{}", percent_encoding::utf8_percent_encode(text, PATH)))
}

/// The path of a `file:` URI, or of a URI without a scheme, which is a path already.
///
/// # Errors
/// [`ArtifactUri`](Error::ArtifactUri) when it names another host or kind of place.
pub(crate) fn to_path(uri: &str) -> Result<PathBuf> {
    let refuse = |expected| Error::ArtifactUri { uri: public(uri), expected };
    let Some(rest) = uri.strip_prefix("file:") else {
        if uri.is_empty() || has_scheme(uri) {
            return Err(refuse("`file:///PATH` or a path"));
        }
        return Ok(PathBuf::from(uri));
    };
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => rest.strip_prefix("localhost").unwrap_or(rest),
    };
    if !path.starts_with('/') {
        return Err(refuse("`file:///PATH` on this machine"));
    }
    percent_decode_str(path)
        .decode_utf8()
        .map(|decoded| PathBuf::from(decoded.as_ref()))
        .map_err(|_| refuse("a valid Unicode path"))
}

/// The parts of `scheme://user@host/path`.
pub(crate) struct Uri<'a> {
    pub(crate) scheme: &'a str,
    /// User name, or user name and password with a `:` between, percent-encoded.
    pub(crate) user: Option<&'a str>,
    /// Host, with the port.
    pub(crate) host: &'a str,
    /// What follows, with the query.
    pub(crate) path: &'a str,
}

impl<'a> Uri<'a> {
    /// Splits a URI that has a `//`.
    pub(crate) fn split(uri: &'a str) -> Option<Self> {
        let (scheme, rest) = uri.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        Some(Self { scheme, user, host, path })
    }
}

/// Whether a text starts with a scheme, as `s3://…`, `mlflow-artifacts:/…` and `databricks:…` do;
/// `C:\…` is a path.
fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    let usual = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(usual)
}

/// A URI without the user name and password it may carry, for an error message.
pub(crate) fn public(uri: &str) -> String {
    match Uri::split(uri) {
        Some(Uri { scheme, host, path, .. }) => excerpt(&format!("{scheme}://{host}{path}")),
        None => excerpt(uri),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(feature = "local")]
    use proptest::prelude::*;

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

    #[cfg(feature = "local")]
    #[test]
    fn odd_characters_are_encoded() {
        let uri = from_path(Path::new("/a b/ü#?%/c")).unwrap();
        assert_eq!(uri, "file:///a%20b/%C3%BC%23%3F%25/c");
    }

    #[test]
    fn other_places_are_refused() {
        for uri in
            ["s3://bucket/a", "mlflow-artifacts:/1", "file://host/a", "file:a", "", "file:///%ff"]
        {
            assert!(matches!(to_path(uri), Err(Error::ArtifactUri { .. })), "{uri}");
        }
        assert_eq!(to_path("./mlruns/1").unwrap(), Path::new("./mlruns/1"));
        assert_eq!(to_path("file:/tmp/a").unwrap(), Path::new("/tmp/a"));
    }

    #[cfg(feature = "local")]
    proptest! {
        #[test]
        fn a_path_survives(name in "[^/\\x00]{1,20}") {
            prop_assume!(name != "." && name != "..");
            let path = Path::new("/tmp").join(&name);
            prop_assert_eq!(to_path(&from_path(&path).unwrap()).unwrap(), path);
        }
    }

    #[test]
    fn credentials_never_show() {
        assert_eq!(public("ftp://me:se@cret@host/a@b"), "ftp://host/a@b");
        assert_eq!(public("plain"), "plain");
    }

    #[test]
    fn paths_have_no_scheme() {
        for uri in ["s3://bucket", "file:a", "mlflow-artifacts:/1"] {
            assert!(has_scheme(uri), "{uri}");
        }
        for path in ["C:\\a", "/a:b", "a b:c", "./x:y", ""] {
            assert!(!has_scheme(path), "{path}");
        }
    }
}
