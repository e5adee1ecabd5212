//! Paths of artifacts, which come from callers and from servers.

use crate::error::Result;
use crate::limits::invalid;

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
    Err(invalid("artifact path", path, expected.to_owned()))
}

/// Accepts a path for a new artifact: MLflow's server decodes paths again and again, and refuses or
/// shortens what then looks like a fragment or a query.
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
    Err(invalid("artifact path", path, expected.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn usual_paths_are_accepted() {
        for path in [
            "a",
            "model/MLmodel",
            "a b/ü.png",
            ".hidden",
            "a..b",
            "100%.txt",
        ] {
            assert!(check_path(path).is_ok(), "{path}");
        }
    }

    #[test]
    fn what_mlflow_would_change_is_refused_for_new_artifacts() {
        for path in ["a#b", "a?", "50%20off", "%41"] {
            assert!(
                check_path(path).is_ok() && check_new_path(path).is_err(),
                "{path}"
            );
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
}
