//! Splitting URIs, as far as tracking and artifact URIs need it.

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
pub(crate) fn has_scheme(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once(':') else {
        return false;
    };
    let usual = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(usual)
}

/// A URI without the user name and password it may carry.
pub(crate) fn without_credentials(uri: &str) -> String {
    match Uri::split(uri) {
        Some(Uri { scheme, host, path, .. }) => format!("{scheme}://{host}{path}"),
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_never_show() {
        assert_eq!(without_credentials("ftp://me:se@cret@host/a@b"), "ftp://host/a@b");
        assert_eq!(without_credentials("plain"), "plain");
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
