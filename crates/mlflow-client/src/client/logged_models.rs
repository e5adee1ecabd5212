//! A run's model, from a folder to a registered version.

use super::Client;
use super::models::{check_description, check_registry_tags};
use crate::error::Result;
use crate::limits::check_model_name;
use crate::logged_model::{LoggedModel, NewLoggedModel};
use crate::metric::Metric;
use crate::registry::{ModelVersion, NewModelVersion};
use crate::run::Run;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// A run's model that is to be uploaded and registered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewModel {
    /// Name among the run's models and artifacts, such as `model`.
    pub name: String,
    /// The registered model that gets a new version; made where there is none.
    pub registered_name: String,
    /// What the model was made with.
    pub params: BTreeMap<String, String>,
    /// What was measured on it.
    #[serde(with = "crate::metric::list")]
    pub metrics: Vec<Metric>,
    /// Free labels of the version.
    pub tags: BTreeMap<String, String>,
    /// The version for people.
    pub description: String,
}

impl NewModel {
    /// A model without anything to say about it.
    pub fn new(name: impl Into<String>, registered_name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            registered_name: registered_name.into(),
            params: BTreeMap::new(),
            metrics: Vec::new(),
            tags: BTreeMap::new(),
            description: String::new(),
        }
    }

    /// Checks what the registry gets before files are uploaded for it.
    fn check(&self) -> Result<()> {
        check_model_name(&self.registered_name)?;
        check_description(&self.description)?;
        check_registry_tags(&self.tags)
    }
}

impl Client {
    /// Uploads a model's folder and registers it as the next version of its registered model.
    ///
    /// On a server that knows MLflow 3's logged models the model becomes one, shown with the run;
    /// on an older server and in a local database it lies among the run's artifacts.
    ///
    /// # Errors
    /// When a name or value is not accepted, a file cannot be read, or the store fails. What was
    /// uploaded until then stays, without being registered.
    pub fn register_folder(
        &self,
        run: &Run,
        folder: &Path,
        model: &NewModel,
    ) -> Result<ModelVersion> {
        model.check()?;
        let new = NewLoggedModel {
            experiment_id: run.experiment_id.clone(),
            run_id: run.id.clone(),
            name: model.name.clone(),
            params: model.params.clone(),
            metrics: model.metrics.clone(),
        };
        let (source, model_id) = if let Some(logged) = self.store.create_logged_model(&new)? {
            self.upload_logged(&logged, folder)?;
            (format!("models:/{}", logged.id), Some(logged.id))
        } else {
            self.artifacts(&run.artifact_uri)?
                .upload_folder(folder, &model.name)?;
            (format!("{}/{}", run.artifact_uri, model.name), None)
        };
        let version = NewModelVersion {
            tags: model.tags.clone(),
            model_id,
            ..NewModelVersion::new(&model.registered_name, source)
                .run_id(&run.id)
                .description(&model.description)
        };
        match self.create_model_version(&version) {
            // Only the first version has no model yet: asking for it each time would be in vain.
            Err(error) if error.is_not_found() => {
                self.register_model(&model.registered_name, "", &BTreeMap::new())?;
                self.create_model_version(&version)
            }
            created => created,
        }
    }

    fn upload_logged(&self, logged: &LoggedModel, folder: &Path) -> Result<()> {
        let artifacts = self.artifacts(&logged.artifact_uri);
        let uploaded = artifacts.and_then(|artifacts| artifacts.upload_folder(folder, ""));
        let finished = self.store.finish_logged_model(&logged.id, uploaded.is_ok());
        // What broke the upload says more than what it broke after it.
        uploaded.and(finished)
    }
}
