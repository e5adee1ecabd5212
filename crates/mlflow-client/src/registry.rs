//! The model registry: named models, their numbered versions, and aliases for versions.

use std::collections::BTreeMap;

/// A named model, the roof over its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredModel {
    /// Unique name.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub creation_time: i64,
    /// When it or one of its versions was changed.
    pub last_updated_time: i64,
    /// For people; may be empty.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Alias → version.
    pub aliases: BTreeMap<String, u32>,
}

/// One version of a registered model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelVersion {
    /// The registered model.
    pub name: String,
    /// Counted from 1.
    pub version: u32,
    /// When it was made, in milliseconds since 1970.
    pub creation_time: i64,
    /// When it was last changed.
    pub last_updated_time: i64,
    /// For people; may be empty.
    pub description: String,
    /// URI of the folder with the model, as it was given at creation.
    pub source: String,
    /// The run that made the model.
    pub run_id: Option<String>,
    /// `READY` once it can be used.
    pub status: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Aliases that point here.
    pub aliases: Vec<String>,
}

/// What a new version of a registered model is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewModelVersion {
    /// The registered model, which must exist.
    pub name: String,
    /// URI of the folder with the model. A run's full artifact URI plus path is best: it can be
    /// downloaded without asking for the run again.
    pub source: String,
    /// The run that made the model. A server refuses the `source` without the run it belongs to.
    pub run_id: Option<String>,
    /// MLflow 3's logged model, where `source` is `models:/ID`.
    pub model_id: Option<String>,
    /// For people.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

impl NewModelVersion {
    /// A version of `name` whose model lies at `source`.
    pub fn new(name: impl Into<String>, source: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            source: source.into(),
            run_id: None,
            model_id: None,
            description: String::new(),
            tags: BTreeMap::new(),
        }
    }

    /// Names the run that made the model.
    #[must_use]
    pub fn run_id(mut self, run_id: impl Into<String>) -> Self {
        self.run_id = Some(run_id.into());
        self
    }

    /// Describes it for people.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }
}
