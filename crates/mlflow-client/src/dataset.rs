//! Data sets that runs used.

use crate::error::Result;
use crate::json::non_empty;
use crate::limits::{self, check_length, invalid};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The tag that says what a data set was used for, such as `training`; shown in MLflow's UI.
pub const CONTEXT_TAG: &str = "mlflow.data.context";

/// A data set that a run used.
///
/// ```
/// use mlflow_client::DatasetInput;
///
/// let input = DatasetInput::new("digits", "5eb63bbbe01eeed0")
///     .source("local", r#"{"uri":"/data/digits"}"#)
///     .profile(r#"{"num_rows":60000}"#)
///     .context("training");
/// assert_eq!(input.tags["mlflow.data.context"], "training");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DatasetInput {
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Identifies the content, in at most 36 characters. Name and digest together are one data set
    /// within an experiment.
    #[serde(default)]
    pub digest: String,
    /// The kind of `source`, such as `local` or `code`.
    #[serde(default)]
    pub source_type: String,
    /// Where it came from, usually as JSON.
    #[serde(default)]
    pub source: String,
    /// Its columns, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_empty")]
    pub schema: Option<String>,
    /// Summary statistics, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "non_empty")]
    pub profile: Option<String>,
    /// Tags of this use, such as [`CONTEXT_TAG`].
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl DatasetInput {
    /// A data set of this name and content, of unknown origin.
    pub fn new(name: impl Into<String>, digest: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            digest: digest.into(),
            source_type: "local".to_owned(),
            source: "{}".to_owned(),
            schema: None,
            profile: None,
            tags: BTreeMap::new(),
        }
    }

    /// Sets where it came from.
    #[must_use]
    pub fn source(mut self, source_type: impl Into<String>, source: impl Into<String>) -> Self {
        self.source_type = source_type.into();
        self.source = source.into();
        self
    }

    /// Sets summary statistics, as JSON.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Sets what it was used for.
    #[must_use]
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.tags.insert(CONTEXT_TAG.to_owned(), context.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        for (what, value, max) in [
            ("data set name", &self.name, limits::DATASET_NAME_LENGTH),
            ("data set digest", &self.digest, limits::DIGEST_LENGTH),
            ("data set source type", &self.source_type, limits::DIGEST_LENGTH),
            ("data set source", &self.source, limits::SOURCE_LENGTH),
        ] {
            if value.is_empty() {
                return Err(invalid(what, value, "at least one character"));
            }
            check_length(what, value, max)?;
        }
        for (key, value) in &self.tags {
            check_length("data set tag name", key, limits::INPUT_TAG_NAME_LENGTH)?;
            check_length("data set tag value", value, limits::INPUT_TAG_LENGTH)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mlflow_would_refuse_is_refused_here() {
        assert!(DatasetInput::new("digits", "0123").check().is_ok());
        assert!(DatasetInput::new("", "0123").check().is_err());
        assert!(DatasetInput::new("digits", "").check().is_err());
        assert!(DatasetInput::new("digits", "0".repeat(37)).check().is_err());
        let long = DatasetInput::new("digits", "0").context("x".repeat(501));
        assert!(long.check().is_err());
    }
}
