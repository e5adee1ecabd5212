//! The interface that the local and the REST store implement.
//!
//! Names, keys and values that arrive here have been checked by [`Client`](crate::Client), and
//! batches are small enough for one request. What does not exist is
//! [`NotFound`](crate::Error::NotFound).

use crate::artifact::ArtifactRepository;
use crate::batch::{Batch, Metric};
use crate::dataset::DatasetInput;
use crate::error::{Error, Result};
use crate::registry::{LoggedModel, ModelVersion, NewModel, NewModelVersion, RegisteredModel};
use crate::run::{Experiment, NewRun, Run, RunStatus};
use crate::search::{Page, RunQuery};
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// Experiments, runs and registered models, and how to reach artifacts.
pub(crate) trait Store: Send + Sync {
    /// Finds out quickly whether the store can be reached, and the version of a server.
    fn version(&self) -> Result<Option<String>>;

    /// The files below an artifact URI of this store.
    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>>;

    /// Fails with [`AlreadyExists`](Error::AlreadyExists) if there is one of this name.
    fn create_experiment(&self, name: &str) -> Result<()>;

    /// The experiment of this name, deleted ones included.
    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>>;

    /// All experiments that are not deleted.
    fn experiments(&self) -> Result<Vec<Experiment>>;

    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run>;

    /// Writes metrics, parameters and tags, all or nothing. Doing it again changes nothing.
    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()>;

    /// Doing it again changes nothing.
    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()>;

    fn update_run(&self, run_id: &str, status: RunStatus, end: Option<Timestamp>) -> Result<()>;

    fn run(&self, run_id: &str) -> Result<Run>;

    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>>;

    /// All points of one metric.
    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>>;

    /// Fails with [`AlreadyExists`](Error::AlreadyExists) if there is one of this name.
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel>;

    fn registered_model(&self, name: &str) -> Result<RegisteredModel>;

    /// All registered models, by name.
    fn registered_models(&self, page: Option<&str>) -> Result<Page<RegisteredModel>>;

    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()>;

    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion>;

    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion>;

    /// The versions of a model, the newest first.
    fn model_versions(&self, name: &str, page: Option<&str>) -> Result<Page<ModelVersion>>;

    fn set_version_tag(&self, name: &str, version: u32, key: &str, value: &str) -> Result<()>;

    /// Points an alias to a version, wherever it pointed before.
    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()>;

    /// Points an alias to a version; fails with [`AliasMoved`](Error::AliasMoved) unless it pointed to `from`.
    fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()>;

    /// Nothing happens if there is no such alias.
    fn delete_alias(&self, name: &str, alias: &str) -> Result<()>;

    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion>;

    /// URI of the folder with a version's model; may be `runs:/…` where that was registered.
    fn download_uri(&self, name: &str, version: u32) -> Result<String>;

    /// Creates one of MLflow 3's logged models, whose files are to be uploaded next; none where the
    /// store does not know logged models, as here.
    fn create_logged_model(&self, _run: &Run, _model: &NewModel) -> Result<Option<LoggedModel>> {
        Ok(None)
    }

    /// Marks a logged model as complete, or as failed.
    fn finish_logged_model(&self, id: &str, _ready: bool) -> Result<()> {
        Err(Error::not_found("logged model", id))
    }
}
