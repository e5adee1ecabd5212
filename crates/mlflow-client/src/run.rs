//! Experiments, their runs, and the data sets that runs used.

use crate::batch::Metric;
use crate::error::{Error, Result};
use crate::json;
use crate::limits::{self, check_length, invalid};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Whether an entity is in use or was deleted (MLflow keeps deleted ones for a while).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub enum Lifecycle {
    /// In use.
    #[default]
    Active,
    /// Deleted, but can still be restored with MLflow's own tools.
    Deleted,
}

impl From<String> for Lifecycle {
    /// Reads MLflow's name; anything but `deleted` counts as active.
    fn from(name: String) -> Self {
        if name == "deleted" { Self::Deleted } else { Self::Active }
    }
}

/// A named collection of runs. Can be read from the JSON of MLflow's REST interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Experiment {
    /// Id within its store.
    #[serde(rename = "experiment_id")]
    pub id: String,
    /// Unique name.
    pub name: String,
    /// URI under which new runs put their artifacts.
    pub artifact_location: String,
    /// Whether it was deleted.
    #[serde(rename = "lifecycle_stage")]
    pub lifecycle: Lifecycle,
    /// When it was created; unknown for old ones.
    pub creation_time: Option<Timestamp>,
    /// Tags.
    #[serde(deserialize_with = "json::pairs")]
    pub tags: BTreeMap<String, String>,
}

/// The state of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// Waiting to be started.
    Scheduled,
    /// Being executed.
    Running,
    /// Completed successfully.
    Finished,
    /// Ended with an error.
    Failed,
    /// Stopped from outside.
    Killed,
}

impl RunStatus {
    /// Whether the run has ended.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }

    /// MLflow's name for it, such as `RUNNING`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "SCHEDULED",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for RunStatus {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        [Self::Scheduled, Self::Running, Self::Finished, Self::Failed, Self::Killed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| {
                let expected = "`SCHEDULED`, `RUNNING`, `FINISHED`, `FAILED` or `KILLED`";
                invalid("run status", text, expected)
            })
    }
}

/// One execution of a program, with its parameters, metrics and tags.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Id, unique everywhere.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment_id: String,
    /// Display name; need not be unique.
    pub name: String,
    /// Who ran it; may be empty.
    pub user: String,
    /// Its state.
    pub status: RunStatus,
    /// When it started.
    pub start_time: Option<Timestamp>,
    /// When it ended.
    pub end_time: Option<Timestamp>,
    /// URI of the folder that holds its artifacts.
    pub artifact_uri: String,
    /// Whether it was deleted.
    pub lifecycle: Lifecycle,
    /// Per metric the point with the largest (step, timestamp, value): the last, not the best.
    pub metrics: BTreeMap<String, Metric>,
    /// Parameters.
    pub params: BTreeMap<String, String>,
    /// Tags, including MLflow's own (`mlflow.…`).
    pub tags: BTreeMap<String, String>,
    /// The data sets it used.
    pub datasets: Vec<DatasetInput>,
    /// Ids of MLflow 3's logged models that it made; none in a local database.
    pub model_ids: Vec<String>,
}

/// What a new run starts with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewRun {
    /// Display name.
    pub name: String,
    /// When it started.
    pub start_time: Timestamp,
    /// Who runs it.
    pub user: Option<String>,
    /// The program, such as a command line; shown as "source" by MLflow.
    pub source: Option<String>,
    /// Further tags; they override those made from the fields above.
    pub tags: BTreeMap<String, String>,
}

impl NewRun {
    /// A run of this name that started at this time.
    pub fn new(name: impl Into<String>, start_time: impl Into<Timestamp>) -> Self {
        Self { name: name.into(), start_time: start_time.into(), ..Self::default() }
    }

    /// Sets the user.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Sets the program that runs.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_length("run name", &self.name, limits::KEY_LENGTH)?;
        limits::check_tags(&self.tags, limits::TAG_LENGTH)
    }

    /// The tags under which MLflow's interface looks for name, user and source.
    pub(crate) fn all_tags(&self) -> BTreeMap<String, String> {
        let mut tags = BTreeMap::from([("mlflow.runName".to_owned(), self.name.clone())]);
        if let Some(user) = &self.user {
            tags.insert("mlflow.user".to_owned(), user.clone());
        }
        if let Some(source) = &self.source {
            tags.insert("mlflow.source.name".to_owned(), source.clone());
            tags.insert("mlflow.source.type".to_owned(), "LOCAL".to_owned());
        }
        tags.extend(self.tags.clone());
        tags
    }
}

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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DatasetInput {
    /// Its name.
    pub name: String,
    /// Identifies the content, in at most 36 characters. Name and digest together are one data set
    /// within an experiment.
    pub digest: String,
    /// The kind of `source`, such as `local` or `code`.
    pub source_type: String,
    /// Where it came from, usually as JSON.
    pub source: String,
    /// Its columns, as JSON.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "json::non_empty")]
    pub schema: Option<String>,
    /// Summary statistics, as JSON.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "json::non_empty")]
    pub profile: Option<String>,
    /// Tags of this use, such as [`CONTEXT_TAG`].
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
            ..Self::default()
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

/// 32 hexadecimal digits from the operating system's random source, as MLflow names runs and models.
///
/// # Errors
/// When the operating system gives no random bytes.
pub fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|source| Error::Random { source: source.into() })?;
    Ok(format!("{:032x}", u128::from_ne_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_hexadecimal_and_differ() {
        let (a, b) = (random_id().unwrap(), random_id().unwrap());
        assert!(a.len() == 32 && a.chars().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(a, b);
    }

    #[test]
    fn statuses_are_spelled_as_mlflow_does() {
        assert_eq!("KILLED".parse::<RunStatus>().unwrap(), RunStatus::Killed);
        assert!("BOGUS".parse::<RunStatus>().is_err());
        assert!(RunStatus::Failed.is_final() && !RunStatus::Running.is_final());
    }

    #[test]
    fn name_user_and_source_become_tags() {
        let tags = NewRun::new("a", Timestamp::default()).user("me").source("train").all_tags();
        assert_eq!(tags["mlflow.runName"], "a");
        assert_eq!(tags["mlflow.user"], "me");
        assert_eq!(tags["mlflow.source.type"], "LOCAL");
    }

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
