//! MLflow's limits on names and values, checked before anything is sent or written.
//!
//! A server would answer `INVALID_PARAMETER_VALUE`, or silently truncate a long value; the
//! local store would accept everything. With these checks both stores accept the same.

use crate::error::{Error, Result, excerpt};
use std::collections::BTreeMap;

/// Metrics in one `log-batch` request.
pub const METRICS_PER_BATCH: usize = 1000;
/// Parameters in one `log-batch` request.
pub const PARAMS_PER_BATCH: usize = 100;
/// Tags in one `log-batch` request.
pub const TAGS_PER_BATCH: usize = 100;
/// Metrics, parameters and tags together in one `log-batch` request.
pub const ENTITIES_PER_BATCH: usize = 1000;
/// Bytes in one `log-batch` request.
pub const BYTES_PER_BATCH: usize = 1_000_000;
/// Characters of a metric's, parameter's or tag's key.
pub const KEY_LENGTH: usize = 250;
/// Characters of a parameter's value.
pub const PARAM_LENGTH: usize = 6000;
/// Characters of a run tag's value.
pub const TAG_LENGTH: usize = 8000;
/// Characters of a model's, version's or experiment's tag.
pub const REGISTRY_TAG_LENGTH: usize = 5000;
/// Characters of the name of an experiment or model.
pub const NAME_LENGTH: usize = 256;
/// Characters of a data set's name.
pub const DATASET_NAME_LENGTH: usize = 500;
/// Characters of a data set's digest, and of the type of its source.
pub const DIGEST_LENGTH: usize = 36;
/// Characters of a data set's source.
pub const SOURCE_LENGTH: usize = 65_535;
/// Characters of the name of a tag of a data set's use.
pub const INPUT_TAG_NAME_LENGTH: usize = 255;
/// Characters of the value of a tag of a data set's use.
pub const INPUT_TAG_LENGTH: usize = 500;

/// Checks the key of a metric, parameter or tag.
pub(crate) fn check_key(what: &'static str, key: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || "_-. :/".contains(c);
    let is_path = key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if !key.is_empty() && key.chars().count() <= KEY_LENGTH && key.chars().all(allowed) && is_path {
        return Ok(());
    }
    let expected = format!(
        "1 to {KEY_LENGTH} letters, digits, `_`, `-`, `.`, `:`, spaces, and single `/` between parts"
    );
    Err(invalid(what, key, expected))
}

/// Checks the length of a value, in characters.
pub(crate) fn check_length(what: &'static str, value: &str, max: usize) -> Result<()> {
    match value.chars().count() {
        length if length > max => {
            let expected = format!("at most {max} characters, got {length}");
            Err(invalid(what, value, expected))
        }
        _ => Ok(()),
    }
}

/// Checks a tag whose value may have `max` characters.
pub(crate) fn check_tag(key: &str, value: &str, max: usize) -> Result<()> {
    check_key("tag name", key)?;
    check_length("tag value", value, max)
}

/// Checks tags whose values may have `max` characters.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>, max: usize) -> Result<()> {
    tags.iter().try_for_each(|(key, value)| check_tag(key, value, max))
}

/// Checks the name of an experiment.
pub(crate) fn check_experiment_name(name: &str) -> Result<()> {
    check_name("experiment name", name, |_| true)
}

/// Checks the name of a registered model, which becomes part of `models:/NAME/VERSION`.
///
/// # Errors
/// [`Invalid`](crate::Error::Invalid) for a name that MLflow does not accept.
pub fn check_model_name(name: &str) -> Result<()> {
    check_name("model name", name, |c| c != '/' && c != ':')
}

fn check_name(what: &'static str, name: &str, allowed: impl Fn(char) -> bool) -> Result<()> {
    let fits = !name.trim().is_empty() && name.chars().count() <= NAME_LENGTH;
    if fits && name.chars().all(|c| allowed(c) && !c.is_control()) {
        return Ok(());
    }
    let expected = format!("1 to {NAME_LENGTH} characters without `/` and `:` in a model's name");
    Err(invalid(what, name, expected))
}

/// Checks an alias: `latest` and `v1` would be mistaken for versions.
pub(crate) fn check_alias(alias: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    let is_version = alias
        .strip_prefix(['v', 'V'])
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| c.is_ascii_digit()));
    let reserved = is_version || alias.eq_ignore_ascii_case("latest");
    if !alias.is_empty() && alias.len() <= 255 && alias.chars().all(allowed) && !reserved {
        return Ok(());
    }
    let expected = "letters, digits, `_` and `-`, but neither `latest` nor `v` with a number";
    Err(invalid("alias", alias, expected))
}

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

/// An error that shows the beginning of the value.
pub(crate) fn invalid(what: &'static str, value: &str, expected: impl Into<String>) -> Error {
    Error::Invalid { what, value: excerpt(value), expected: expected.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::{Component, Path};

    #[test]
    fn keys_follow_mlflow() {
        for key in ["val_acc", "train/loss 2", "mlflow.note.content", "größe", "a:b"] {
            assert!(check_key("key", key).is_ok(), "{key}");
        }
        for key in ["", "a#b", "/a", "a//b", "../a", "a/..", "a\nb", &"k".repeat(251)] {
            assert!(check_key("key", key).is_err(), "{key}");
        }
    }

    #[test]
    fn aliases_that_look_like_versions_are_refused() {
        assert!(check_alias("champion").is_ok() && check_alias("vintage").is_ok());
        for alias in ["latest", "v1", "V20", "", "a b", "a/b"] {
            assert!(check_alias(alias).is_err(), "{alias}");
        }
    }

    #[test]
    fn lengths_count_characters() {
        assert!(check_length("tag", &"ß".repeat(10), 10).is_ok());
        assert!(check_length("tag", &"ß".repeat(11), 10).is_err());
    }

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
}
