//! Paths of artifacts, and the URIs of the folders that hold them; both come from callers and from
//! servers.

use crate::error::{Error, Result, public};
use crate::limits::invalid;
use crate::uri::has_scheme;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str};
use std::path::PathBuf;

/// Accepts a relative path with `/` between its parts, none of which leads upwards or means
/// something else on another system.
pub(crate) fn check_path(path: &str) -> Result<()> {
    let part_fits = |part: &str| !matches!(part, "" | "." | "..");
    let character_fits = |c: char| !c.is_control() && c != '\\';
    // `C:` would be a drive on Windows.
    let drive = cfg!(windows) && path.contains(':');
    if path.split('/').all(part_fits) && path.chars().all(character_fits) && !drive {
        return Ok(());
    }
    let expected = "a relative path with `/` between parts, without `..` and `\\`";
    Err(invalid("artifact path", path, expected))
}

/// Accepts a path for a new artifact: MLflow's server decodes paths repeatedly, and rejects or
/// truncates what then looks like a fragment or a query.
pub(crate) fn check_new_path(path: &str) -> Result<()> {
    check_path(path)?;
    let encoded = |(index, _): (usize, &str)| {
        let digits = path.as_bytes().get(index + 1..index + 3);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !path.contains(['#', '?']) && !path.match_indices('%').any(encoded) {
        return Ok(());
    }
    let expected = "a path without `#`, `?` and `%` in front of two hexadecimal digits";
    Err(invalid("artifact path", path, expected))
}

/// Percent-encodes all but RFC 3986's unreserved characters and the separator.
pub(crate) const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The absolute `file:///…` URI of a path.
///
/// # Errors
/// When the current folder is unknown, or the path is not Unicode, which MLflow cannot store.
#[cfg(feature = "local")]
pub(crate) fn from_path(path: &std::path::Path) -> Result<String> {
    let absolute = std::path::absolute(path)?;
    let text = absolute
        .to_str()
        .ok_or_else(|| invalid("path", &path.to_string_lossy(), "a valid Unicode path"))?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn usual_paths_are_accepted() {
        for path in ["a", "model/MLmodel", "a b/ü.png", ".hidden", "a..b", "100%.txt"] {
            assert!(check_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn what_mlflow_would_change_is_refused_for_new_artifacts() {
        for path in ["a#b", "a?", "50%20off", "%41"] {
            assert!(check_path(path).is_ok() && check_new_path(path).is_err(), "{path}");
        }
        assert!(check_new_path("100%.txt").is_ok() && check_new_path("a%zz").is_ok());
    }

    proptest! {
        #[test]
        fn an_accepted_path_stays_below(path in "[./\\\\a\\x00]{0,12}") {
            if check_path(&path).is_ok() {
                let stays = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
                prop_assert!(stays && !path.is_empty());
            }
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
}
