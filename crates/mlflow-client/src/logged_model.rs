//! MLflow 3's logged models: the model of a run as an entity of its own.

use crate::metric::Metric;
use std::collections::BTreeMap;

/// A model as an entity of its own, with files, parameters and metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedModel {
    /// Id, such as `m-d07b…`; `models:/ID` names it to MLflow's tools.
    pub id: String,
    /// URI of the folder that holds its files.
    pub artifact_uri: String,
}

/// What a new logged model starts with.
#[derive(Debug, Clone, PartialEq)]
pub struct NewLoggedModel {
    /// The experiment it belongs to.
    pub experiment_id: String,
    /// The run that made it.
    pub run_id: String,
    /// Name for people, such as `model`.
    pub name: String,
    /// What it was made with.
    pub params: BTreeMap<String, String>,
    /// What was measured on it.
    pub metrics: Vec<Metric>,
}
