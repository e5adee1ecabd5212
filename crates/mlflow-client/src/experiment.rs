//! Experiments: named collections of runs.

use std::collections::BTreeMap;

/// Whether an entity is in use or was deleted (MLflow keeps deleted ones for a while).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// In use.
    Active,
    /// Deleted, but still restorable with MLflow's own tools.
    Deleted,
}

impl Lifecycle {
    /// MLflow's word for it; anything but `deleted` counts as active.
    pub(crate) fn from_name(name: &str) -> Self {
        if name == "deleted" {
            Self::Deleted
        } else {
            Self::Active
        }
    }
}

/// A named collection of runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Experiment {
    /// Id within its store.
    pub id: String,
    /// Unique name.
    pub name: String,
    /// URI under which new runs put their artifacts.
    pub artifact_location: String,
    /// Whether it was deleted.
    pub lifecycle: Lifecycle,
    /// When it was made, in milliseconds since 1970; unknown for old ones.
    pub creation_time: Option<i64>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}
