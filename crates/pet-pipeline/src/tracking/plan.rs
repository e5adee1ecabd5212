//! What a run starts with.

use std::collections::BTreeMap;
use std::fmt::Display;

use mlflow_client::spool::Spool;
use mlflow_client::{DatasetInput, NewRun, now};

use crate::provenance::Provenance;

/// Characters of a digest that MLflow keeps.
const DIGEST_LENGTH: usize = 32;

/// What a run starts with.
#[derive(Clone, Debug)]
pub struct RunPlan {
    pub(crate) experiment: String,
    pub(crate) name: String,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) provenance: Provenance,
    pub(crate) data: Option<TrainingData>,
    pub(crate) spool: Option<Spool>,
    pub(crate) run_id: Option<String>,
}

/// What a run is trained on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrainingData {
    /// Name of the data set.
    pub name: String,
    /// What tells its content from any other, in hexadecimal digits.
    pub digest: String,
    /// Where it was read from.
    pub folder: String,
    /// Number of classes.
    pub classes: usize,
    /// Images to train on.
    pub train_images: usize,
    /// Images to validate on.
    pub val_images: usize,
}

impl RunPlan {
    /// A run of this name in this experiment, which is made if there is none.
    pub fn new(experiment: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            experiment: experiment.into(),
            name: name.into(),
            params: BTreeMap::new(),
            tags: BTreeMap::new(),
            provenance: Provenance::default(),
            data: None,
            spool: None,
            run_id: None,
        }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.params.insert(key.into(), value.to_string());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
        self
    }

    /// Says who runs it, where, and which code.
    #[must_use]
    pub fn provenance(mut self, provenance: Provenance) -> Self {
        self.provenance = provenance;
        self
    }

    /// Says what it is trained on.
    #[must_use]
    pub fn data(mut self, data: TrainingData) -> Self {
        self.data = Some(data);
        self
    }

    /// Keeps there what cannot be sent because the store has gone away meanwhile.
    #[must_use]
    pub fn spool(mut self, spool: Spool) -> Self {
        self.spool = Some(spool);
        self
    }

    /// Goes on with a run that is there already, instead of making one.
    #[must_use]
    pub fn resume(mut self, run_id: Option<String>) -> Self {
        self.run_id = run_id;
        self
    }

    pub(crate) fn new_run(&self) -> NewRun {
        let mut new = NewRun::new(&self.name, now());
        new.user.clone_from(&self.provenance.user);
        new.source.clone_from(&self.provenance.source);
        new.tags = self.provenance.tags();
        new.tags.extend(self.tags.clone());
        new
    }
}

impl TrainingData {
    /// As MLflow shows it beside the run.
    pub(crate) fn input(&self) -> DatasetInput {
        let digest: String = self.digest.chars().take(DIGEST_LENGTH).collect();
        let uri = json_string(&self.folder);
        let (rows, classes) = (self.train_images + self.val_images, self.classes);
        let (train, val) = (self.train_images, self.val_images);
        DatasetInput::new(&self.name, digest)
            .source("local", format!(r#"{{"uri":{uri}}}"#))
            .profile(format!(
                r#"{{"num_rows":{rows},"num_classes":{classes},"train_images":{train},"val_images":{val}}}"#
            ))
            .context("training")
    }
}

/// A text in JSON's quotes.
fn json_string(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_becomes_an_input_that_mlflow_accepts() {
        let data = TrainingData {
            name: "pets".into(),
            digest: "0123456789".repeat(7),
            folder: "C:\\\"pets\"".into(),
            classes: 2,
            train_images: 8,
            val_images: 2,
        };
        let input = data.input();
        assert_eq!(input.digest.len(), 32);
        assert_eq!(input.source, r#"{"uri":"C:\\\"pets\""}"#);
        assert!(input.profile.unwrap().starts_with(r#"{"num_rows":10,"#));
    }
}
