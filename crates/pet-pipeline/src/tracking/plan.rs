//! What a run starts with.

use std::collections::BTreeMap;
use std::fmt::Display;

use mlflow_client::spool::Spool;
use mlflow_client::{DatasetInput, NewRun, SystemMetrics, now};
use serde_json::json;

use crate::provenance::Provenance;

/// Characters of a digest that MLflow keeps.
const DIGEST_LENGTH: usize = 32;

/// Everything that a run starts with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunPlan {
    /// The experiment, which is created if necessary.
    pub experiment: String,
    /// The run's name.
    pub name: String,
    /// Its parameters.
    pub params: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Its training data.
    pub data: Option<TrainingData>,
    /// Keeps what cannot be sent while the store is unreachable.
    pub spool: Option<Spool>,
    /// Whether and how often system metrics are logged.
    pub system_metrics: SystemMetrics,
    /// A run to resume instead of creating one.
    pub run_id: Option<String>,
}

/// The training data of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingData {
    /// Name of the data set.
    pub name: String,
    /// Digest of its content, in hexadecimal digits.
    pub digest: String,
    /// Its folder.
    pub folder: String,
    /// Number of classes.
    pub classes: usize,
    /// Number of training images.
    pub train_images: usize,
    /// Number of additional training images of other folders.
    pub added_images: usize,
    /// Number of validation images.
    pub val_images: usize,
}

impl RunPlan {
    /// A run with this name in this experiment.
    pub fn new(experiment: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            experiment: experiment.into(),
            name: name.into(),
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            provenance: Provenance::default(),
            data: None,
            spool: None,
            system_metrics: SystemMetrics::default(),
            run_id: None,
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.params.insert(key.into(), value.to_string());
        self
    }

    pub(super) fn new_run(&self) -> NewRun {
        let mut new = NewRun::new(&self.name, now());
        new.user.clone_from(&self.provenance.user);
        new.source.clone_from(&self.provenance.source);
        new.tags = self.provenance.tags();
        new.tags.extend(self.tags.clone());
        new
    }
}

impl TrainingData {
    /// The data set as an input of the MLflow run.
    pub(super) fn input(&self) -> DatasetInput {
        let digest: String = self.digest.chars().take(DIGEST_LENGTH).collect();
        let profile = json!({
            "num_rows": self.train_images + self.val_images,
            "num_classes": self.classes,
            "train_images": self.train_images,
            "added_images": self.added_images,
            "val_images": self.val_images,
        });
        DatasetInput::new(&self.name, digest)
            .source("local", json!({ "uri": self.folder }).to_string())
            .profile(profile.to_string())
            .context("training")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_input_is_valid_for_mlflow() {
        let data = TrainingData {
            name: "pets".into(),
            digest: "0123456789".repeat(7),
            folder: "C:\\\"pets\"".into(),
            classes: 2,
            train_images: 8,
            added_images: 0,
            val_images: 2,
        };
        let input = data.input();
        assert_eq!(input.digest.len(), 32);
        assert_eq!(input.source, r#"{"uri":"C:\\\"pets\""}"#);
        assert!(input.profile.unwrap().contains(r#""num_rows":10"#));
    }
}
