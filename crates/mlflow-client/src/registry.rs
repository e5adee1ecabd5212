//! The model registry: named models, their numbered versions, and aliases for versions.

use crate::batch::Metric;
use crate::error::{Error, Result};
use crate::json;
use crate::limits::{self, check_length, check_model_name, check_tags};
use crate::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A named model with its versions. Can be read from the JSON of MLflow's REST interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RegisteredModel {
    /// Unique name.
    pub name: String,
    /// When it was created.
    #[serde(rename = "creation_timestamp")]
    pub creation_time: Timestamp,
    /// When it or one of its versions was changed.
    #[serde(rename = "last_updated_timestamp")]
    pub last_updated_time: Timestamp,
    /// For people; may be empty.
    pub description: String,
    /// Tags.
    #[serde(deserialize_with = "json::pairs")]
    pub tags: BTreeMap<String, String>,
    /// Alias → version.
    #[serde(deserialize_with = "aliases")]
    pub aliases: BTreeMap<String, u32>,
}

impl RegisteredModel {
    /// Fails unless the alias points to this version, or to none for `None`.
    pub(crate) fn check_alias(&self, alias: &str, expected: Option<u32>) -> Result<()> {
        let got = self.aliases.get(alias).copied();
        if got == expected {
            return Ok(());
        }
        Err(Error::AliasMoved { model: self.name.clone(), alias: alias.to_owned(), expected, got })
    }
}

fn aliases<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u32>, D::Error> {
    #[derive(Deserialize)]
    struct Alias {
        alias: String,
        #[serde(deserialize_with = "json::version")]
        version: u32,
    }
    let aliases = Vec::<Alias>::deserialize(deserializer)?;
    Ok(aliases.into_iter().map(|alias| (alias.alias, alias.version)).collect())
}

/// One version of a registered model. Can be read from the JSON of MLflow's REST interface.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelVersion {
    /// The registered model.
    pub name: String,
    /// Counted from 1.
    #[serde(deserialize_with = "json::version")]
    pub version: u32,
    /// When it was created.
    #[serde(rename = "creation_timestamp")]
    pub creation_time: Timestamp,
    /// When it was last changed.
    #[serde(rename = "last_updated_timestamp")]
    pub last_updated_time: Timestamp,
    /// For people; may be empty.
    pub description: String,
    /// URI of the folder with the model, as it was given at creation.
    pub source: String,
    /// The run that made the model.
    #[serde(deserialize_with = "json::non_empty")]
    pub run_id: Option<String>,
    /// `READY` once it can be used.
    pub status: String,
    /// Tags.
    #[serde(deserialize_with = "json::pairs")]
    pub tags: BTreeMap<String, String>,
    /// Aliases that point here.
    pub aliases: Vec<String>,
}

/// A new version of a registered model, whose files are stored already.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewModelVersion {
    /// The registered model, which must exist.
    pub name: String,
    /// URI of the folder with the model. A run's full artifact URI plus path is best: it can be
    /// downloaded without asking for the run again.
    pub source: String,
    /// The run that made the model. A server rejects a `source` without the run it belongs to.
    pub run_id: Option<String>,
    /// MLflow 3's logged model, where `source` is `models:/ID`.
    pub model_id: Option<String>,
    /// For people.
    pub description: String,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl NewModelVersion {
    /// A version of `name` whose model is stored at `source`.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self { name: name.into(), source: source.into(), ..Self::default() }
    }

    /// Sets the run that made the model.
    #[must_use]
    pub fn run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// Sets the description.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        check_described(&self.description, &self.tags)
    }
}

/// A model to upload and register, see
/// [`Client::register_folder`](crate::Client::register_folder).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewModel {
    /// Name among the run's models and artifacts, such as `model`.
    pub name: String,
    /// The registered model that gets a new version; created if it does not exist.
    pub registered_name: String,
    /// Parameters of the model.
    pub params: BTreeMap<String, String>,
    /// Metrics of the model.
    pub metrics: Vec<Metric>,
    /// Tags of the version.
    pub tags: BTreeMap<String, String>,
    /// The version's description for people.
    pub description: String,
}

impl NewModel {
    /// A model without parameters, metrics, tags and description.
    pub fn new(name: impl Into<String>, registered_name: impl Into<String>) -> Self {
        Self { name: name.into(), registered_name: registered_name.into(), ..Self::default() }
    }

    /// Adds parameters of the model.
    #[must_use]
    pub fn params<K: Into<String>, V: Into<String>>(
        mut self,
        params: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let params = params.into_iter();
        self.params.extend(params.map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Adds a metric of the model.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metrics.push(metric);
        self
    }

    /// Adds a tag of the version.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Sets the description of the version.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Checks what the registry gets, before files are uploaded.
    pub(crate) fn check(&self) -> Result<()> {
        check_model_name(&self.registered_name)?;
        check_described(&self.description, &self.tags)
    }
}

/// One of MLflow 3's logged models: the model of a run as an entity of its own.
#[derive(Deserialize)]
pub(crate) struct LoggedModel {
    /// Id, such as `m-d07b…`; `models:/ID` names it to MLflow's tools.
    #[serde(rename = "model_id")]
    pub(crate) id: String,
    /// URI of the folder that holds its files.
    pub(crate) artifact_uri: String,
}

/// Checks what describes a model or version.
pub(crate) fn check_described(description: &str, tags: &BTreeMap<String, String>) -> Result<()> {
    check_length("description", description, limits::REGISTRY_TAG_LENGTH)?;
    check_tags(tags, limits::REGISTRY_TAG_LENGTH)
}
