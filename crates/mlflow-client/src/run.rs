//! Runs: one execution of a program, with what it was given and what it measured.

use crate::batch::check_tags;
use crate::dataset::DatasetInput;
use crate::error::Result;
use crate::experiment::Lifecycle;
use crate::limits::{self, check_length, invalid};
use crate::metric::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RunStatus {
    /// Waiting to be started.
    Scheduled,
    /// Being executed.
    Running,
    /// Ended well.
    Finished,
    /// Ended with an error.
    Failed,
    /// Ended from outside.
    Killed,
}

impl RunStatus {
    /// Whether nothing more happens after it.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Failed | Self::Killed)
    }

    /// MLflow's word for it, such as `RUNNING`.
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
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Self> {
        [
            Self::Scheduled,
            Self::Running,
            Self::Finished,
            Self::Failed,
            Self::Killed,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| {
            let expected = "`SCHEDULED`, `RUNNING`, `FINISHED`, `FAILED` or `KILLED`";
            invalid("run status", text, expected.to_owned())
        })
    }
}

/// A run, with the latest point of each metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Id, unique everywhere.
    pub id: String,
    /// The experiment it belongs to.
    pub experiment_id: String,
    /// Name for people; need not be unique.
    pub name: String,
    /// Who ran it; may be empty.
    pub user: String,
    /// How far it has come.
    pub status: RunStatus,
    /// When it started, in milliseconds since 1970.
    pub start_time: Option<i64>,
    /// When it ended, in milliseconds since 1970.
    pub end_time: Option<i64>,
    /// URI of the folder that holds its artifacts.
    pub artifact_uri: String,
    /// Whether it was deleted.
    pub lifecycle: Lifecycle,
    /// Per metric the point with the largest (step, timestamp, value): the last, not the best.
    pub metrics: BTreeMap<String, Metric>,
    /// What it was given.
    pub params: BTreeMap<String, String>,
    /// Labels, MLflow's own (`mlflow.…`) among them.
    pub tags: BTreeMap<String, String>,
    /// The data sets it used.
    pub datasets: Vec<DatasetInput>,
    /// Ids of MLflow 3's logged models that it made; none in a local database.
    pub model_ids: Vec<String>,
}

/// What a new run starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRun {
    /// Name for people.
    pub name: String,
    /// When it started, in milliseconds since 1970.
    pub start_time: i64,
    /// Who runs it.
    pub user: Option<String>,
    /// What is run, such as a command line; shown as "source" by MLflow.
    pub source: Option<String>,
    /// Further labels; these win over the ones made from the fields above.
    pub tags: BTreeMap<String, String>,
}

impl NewRun {
    /// A run of this name, started at `start_time` milliseconds since 1970.
    pub fn new(name: impl Into<String>, start_time: i64) -> Self {
        Self {
            name: name.into(),
            start_time,
            user: None,
            source: None,
            tags: BTreeMap::new(),
        }
    }

    /// Names who runs it.
    #[must_use]
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Names what is run.
    #[must_use]
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_length("run name", &self.name, limits::KEY_LENGTH)?;
        check_tags(&self.tags)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_spelled_as_mlflow_does() {
        assert_eq!("KILLED".parse::<RunStatus>().unwrap(), RunStatus::Killed);
        assert!("BOGUS".parse::<RunStatus>().is_err());
        assert!(RunStatus::Failed.is_final() && !RunStatus::Running.is_final());
    }

    #[test]
    fn name_user_and_source_become_tags() {
        let tags = NewRun::new("a", 0).user("me").source("train").all_tags();
        assert_eq!(tags["mlflow.runName"], "a");
        assert_eq!(tags["mlflow.user"], "me");
        assert_eq!(tags["mlflow.source.type"], "LOCAL");
    }
}
