//! What a store must be able to do; the local and the REST store do it.
//!
//! Names, keys and values that arrive here have been checked by [`Client`](crate::Client), and
//! batches are small enough for one request.

use crate::artifact::ArtifactRepository;
use crate::batch::Batch;
use crate::dataset::DatasetInput;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::logged_model::{LoggedModel, NewLoggedModel};
use crate::metric::Metric;
use crate::registry::{ModelVersion, NewModelVersion, RegisteredModel};
use crate::run::{NewRun, Run, RunStatus};
use crate::search::{Page, RunQuery};
use std::collections::BTreeMap;

/// Experiments and runs.
pub trait TrackingStore: Send + Sync {
    /// Makes an experiment and returns its id.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::Error::AlreadyExists), or what reading and writing can meet.
    fn create_experiment(&self, name: &str) -> Result<String>;

    /// The experiment of this name, deleted ones included.
    ///
    /// # Errors
    /// What reading can meet.
    fn experiment_by_name(&self, name: &str) -> Result<Option<Experiment>>;

    /// All experiments that are not deleted.
    ///
    /// # Errors
    /// What reading can meet.
    fn experiments(&self) -> Result<Vec<Experiment>>;

    /// Starts a run.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the experiment, or what writing can meet.
    fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run>;

    /// Writes metrics, parameters and tags, all or nothing. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the run,
    /// [`ParamChanged`](crate::Error::ParamChanged), or what writing can meet.
    fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()>;

    /// Notes the data sets that a run used. Doing it again changes nothing.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the run, or what writing can meet.
    fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()>;

    /// Sets the status of a run, and when it ended.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the run, or what writing can meet.
    fn update_run(&self, run_id: &str, status: RunStatus, end_time: Option<i64>) -> Result<()>;

    /// A run with its latest metrics, parameters and tags.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the run, or what reading can meet.
    fn run(&self, run_id: &str) -> Result<Run>;

    /// One page of the runs that a query finds.
    ///
    /// # Errors
    /// [`Search`](crate::Error::Search) (local) or [`Server`](crate::Error::Server) (REST) when the
    /// filter is wrong, or what reading can meet.
    fn search_runs(&self, query: &RunQuery, page: Option<&str>) -> Result<Page<Run>>;

    /// All points of one metric, by step, then time.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the run, or what reading can meet.
    fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>>;
}

/// MLflow 3's logged models: entities of their own beside the runs that made them.
///
/// Only servers have them; what is written here holds for every other store.
pub trait LoggedModelStore: Send + Sync {
    /// Makes a logged model, whose files are to be uploaded next; none where the store does not
    /// know logged models.
    ///
    /// # Errors
    /// What writing can meet.
    fn create_logged_model(&self, _model: &NewLoggedModel) -> Result<Option<LoggedModel>> {
        Ok(None)
    }

    /// Says that all files of a logged model are there, or that it failed.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the model, or what writing can meet.
    fn finish_logged_model(&self, model_id: &str, _ready: bool) -> Result<()> {
        Err(crate::Error::NotFound {
            what: "logged model",
            name: model_id.to_owned(),
        })
    }
}

/// Registered models, their versions and aliases.
pub trait RegistryStore: Send + Sync {
    /// Makes a registered model.
    ///
    /// # Errors
    /// [`AlreadyExists`](crate::Error::AlreadyExists), or what writing can meet.
    fn create_registered_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel>;

    /// A registered model.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound), or what reading can meet.
    fn registered_model(&self, name: &str) -> Result<RegisteredModel>;

    /// One page of all registered models, by name.
    ///
    /// # Errors
    /// What reading can meet.
    fn registered_models(&self, page: Option<&str>) -> Result<Page<RegisteredModel>>;

    /// Sets a tag of a registered model.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the model, or what writing can meet.
    fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()>;

    /// Adds the next version to a registered model.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the model, or what writing can meet.
    fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion>;

    /// One version of a registered model.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound), or what reading can meet.
    fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion>;

    /// One page of the versions of a model, the newest first.
    ///
    /// # Errors
    /// What reading can meet.
    fn model_versions(&self, name: &str, page: Option<&str>) -> Result<Page<ModelVersion>>;

    /// Sets a tag of a version.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the version, or what writing can meet.
    fn set_model_version_tag(&self, name: &str, version: u32, key: &str, value: &str)
    -> Result<()>;

    /// Lets an alias point to a version, wherever it pointed before.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the version, or what writing can meet.
    fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()>;

    /// Removes an alias; nothing happens where there is none.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound) without the model, or what writing can meet.
    fn delete_alias(&self, name: &str, alias: &str) -> Result<()>;

    /// The version an alias points to.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound), or what reading can meet.
    fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion>;

    /// URI of the folder with a version's model; may be `runs:/…` where that was registered.
    ///
    /// # Errors
    /// [`NotFound`](crate::Error::NotFound), or what reading can meet.
    fn download_uri(&self, name: &str, version: u32) -> Result<String>;
}

/// Everything that MLflow keeps, in one place.
pub trait Store: TrackingStore + RegistryStore + LoggedModelStore {
    /// Finds out quickly whether the store can be reached at all.
    ///
    /// # Errors
    /// What a first contact can meet.
    fn check(&self) -> Result<()>;

    /// The files below an artifact URI of this store.
    ///
    /// # Errors
    /// [`ArtifactUri`](crate::Error::ArtifactUri) when this kind of URI cannot be reached.
    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>>;
}
