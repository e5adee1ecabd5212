//! The client: checks input, splits batches and fetches pages, for both stores.

use crate::artifact::Artifacts;
use crate::batch::{Batch, Metric};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::limits::{self, check_alias, check_experiment_name, check_model_name, invalid};
use crate::location::TrackingUri;
use crate::registry::{
    LoggedModel, ModelVersion, NewModel, NewModelVersion, RegisteredModel, check_described,
};
use crate::run::{DatasetInput, Experiment, Lifecycle, NewRun, Run, RunStatus};
use crate::store::{Pages, RunQuery, Runs, Store};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Length of a run's complete ID.
const ID_LENGTH: usize = 32;

/// MLflow's tracking and model registry, on a server or in a local database.
///
/// Cheap to clone; may be used from many threads.
#[derive(Clone)]
pub struct Client {
    store: Arc<dyn Store>,
    tracking_uri: TrackingUri,
}

/// Opening, and files.
impl Client {
    /// Opens the store that the configuration names. A local database is created where there is
    /// none; a server is first contacted by the first call.
    ///
    /// # Errors
    /// When the database cannot be opened, a setting cannot be used, or the store's feature is off.
    pub fn open(config: &Config) -> Result<Self> {
        Ok(Self { store: open_store(config)?, tracking_uri: config.tracking_uri.clone() })
    }

    /// Opens, or creates, `mlflow.db` in a folder; artifacts go to `mlruns` beside it.
    ///
    /// # Errors
    /// When the database cannot be opened or created.
    #[cfg(feature = "local")]
    pub fn local(folder: &Path) -> Result<Self> {
        Self::open(&Config::new(TrackingUri::in_folder(folder)))
    }

    /// Where this client keeps its runs and models.
    pub fn tracking_uri(&self) -> &TrackingUri {
        &self.tracking_uri
    }

    /// Checks once, without retries, whether the store can be reached, so that a program can report
    /// a missing server before it starts to work.
    ///
    /// # Errors
    /// When a server does not answer as MLflow does.
    pub fn check(&self) -> Result<()> {
        self.server_version().map(|_| ())
    }

    /// Asks a server once, without retries, for its version, such as `3.17.2`; none for a local
    /// database.
    ///
    /// # Errors
    /// When a server does not answer as MLflow does.
    pub fn server_version(&self) -> Result<Option<String>> {
        self.store.version()
    }

    /// The files below an artifact URI, such as a run's [`artifact_uri`](Run::artifact_uri).
    ///
    /// # Errors
    /// [`ArtifactUri`](Error::ArtifactUri) when this kind of URI cannot be reached.
    pub fn artifacts(&self, uri: &str) -> Result<Artifacts> {
        Ok(Artifacts { repository: self.store.artifact_repository(uri)? })
    }
}

/// Experiments and runs.
impl Client {
    /// The experiment of this name, created if there is none.
    ///
    /// # Errors
    /// When the name is not accepted, belongs to a deleted experiment, or the store fails.
    pub fn experiment(&self, name: &str) -> Result<Experiment> {
        check_experiment_name(name)?;
        if let Some(experiment) = self.find_experiment(name)? {
            return usable(experiment);
        }
        match self.store.create_experiment(name) {
            // Another process was faster.
            Ok(()) | Err(Error::AlreadyExists { .. }) => {}
            Err(error) => return Err(error),
        }
        let created = self.find_experiment(name)?;
        created.map_or_else(|| Err(Error::not_found("experiment", name)), usable)
    }

    /// The experiment of this name, if there is one; it may be a deleted one.
    ///
    /// # Errors
    /// When the store fails.
    pub fn find_experiment(&self, name: &str) -> Result<Option<Experiment>> {
        self.store.experiment_by_name(name)
    }

    /// All experiments that are not deleted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn experiments(&self) -> Result<Vec<Experiment>> {
        self.store.experiments()
    }

    /// Starts a run.
    ///
    /// # Errors
    /// When a tag is not accepted, there is no such experiment, or the store fails.
    pub fn create_run(&self, experiment_id: &str, run: &NewRun) -> Result<Run> {
        run.check()?;
        self.store.create_run(experiment_id, run)
    }

    /// Logs metrics, parameters and tags, in as many requests as MLflow's limits require.
    /// Idempotent: it can be repeated after an error.
    ///
    /// # Errors
    /// When a key or value is not accepted (then nothing is written), a parameter has another
    /// value already, there is no such run, or the store fails.
    pub fn log_batch(&self, run_id: &str, batch: &Batch) -> Result<()> {
        batch.check()?;
        batch.chunks().iter().try_for_each(|chunk| self.store.log_batch(run_id, chunk))
    }

    /// Records the data sets that a run used. Idempotent.
    ///
    /// # Errors
    /// When a value is too long, there is no such run, or the store fails.
    pub fn log_datasets(&self, run_id: &str, datasets: &[DatasetInput]) -> Result<()> {
        datasets.iter().try_for_each(DatasetInput::check)?;
        self.store.log_datasets(run_id, datasets)
    }

    /// Sets the status of a run, and when it ended.
    ///
    /// # Errors
    /// When there is no such run, a final status comes without a time, or the store fails.
    pub fn update_run(
        &self,
        run_id: &str,
        status: RunStatus,
        end_time: Option<Timestamp>,
    ) -> Result<()> {
        if status.is_final() && end_time.is_none() {
            return Err(invalid("end time", "none", "a time with a final status"));
        }
        self.store.update_run(run_id, status, end_time)
    }

    /// A run with its latest metrics, parameters and tags.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub fn run(&self, run_id: &str) -> Result<Run> {
        self.store.run(run_id)
    }

    /// The run with this ID, or the only one of all experiments whose ID begins with it.
    ///
    /// # Errors
    /// [`Error::AmbiguousRun`] if there are several, and as [`run`](Self::run).
    pub fn find_run(&self, id: &str) -> Result<Run> {
        if id.len() >= ID_LENGTH {
            return self.run(id);
        }
        let mut found = Vec::new();
        for experiment in self.experiments()? {
            for run in self.search_runs(&RunQuery::new(experiment.id)) {
                found.extend(Some(run?).filter(|run| run.id.starts_with(id)));
            }
        }
        match (found.pop(), found.len()) {
            (Some(run), 0) => Ok(run),
            (Some(_), others) => Err(Error::AmbiguousRun { id: id.into(), found: others + 1 }),
            (None, _) => Err(Error::not_found("run", id)),
        }
    }

    /// The runs that a query finds, fetched page by page.
    pub fn search_runs(&self, query: &RunQuery) -> Runs<'_> {
        let mut query = query.clone();
        query.page_size = query.page_size.clamp(1, 50_000);
        Pages::new(move |page| self.store.search_runs(&query, page))
    }

    /// All points of one metric, by step, then time; none for a metric that was never logged.
    ///
    /// # Errors
    /// When there is no such run, or the store fails.
    pub fn metric_history(&self, run_id: &str, key: &str) -> Result<Vec<Metric>> {
        let mut history = self.store.metric_history(run_id, key)?;
        history.sort_by_key(|metric| (metric.step, metric.timestamp));
        Ok(history)
    }
}

/// Registered models, versions and aliases.
impl Client {
    /// The registered model of this name. It is created with this description and these tags where
    /// there is none, and not changed otherwise.
    ///
    /// # Errors
    /// When name, description or tags are not accepted, or the store fails.
    pub fn register_model(
        &self,
        name: &str,
        description: &str,
        tags: &BTreeMap<String, String>,
    ) -> Result<RegisteredModel> {
        check_model_name(name)?;
        check_described(description, tags)?;
        match self.store.create_registered_model(name, description, tags) {
            Err(Error::AlreadyExists { .. }) => self.store.registered_model(name),
            result => result,
        }
    }

    /// The registered model of this name.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn registered_model(&self, name: &str) -> Result<RegisteredModel> {
        self.store.registered_model(name)
    }

    /// All registered models by name, fetched page by page.
    pub fn registered_models(&self) -> Pages<'_, RegisteredModel> {
        Pages::new(|page| self.store.registered_models(page))
    }

    /// Sets a tag of a registered model.
    ///
    /// # Errors
    /// When key or value are not accepted, there is no such model, or the store fails.
    pub fn set_registered_model_tag(&self, name: &str, key: &str, value: &str) -> Result<()> {
        limits::check_tag(key, value, limits::REGISTRY_TAG_LENGTH)?;
        self.store.set_registered_model_tag(name, key, value)
    }

    /// Adds the next version to a registered model.
    ///
    /// # Errors
    /// When description or tags are not accepted, there is no such model, or the store fails.
    pub fn create_model_version(&self, version: &NewModelVersion) -> Result<ModelVersion> {
        version.check()?;
        self.store.create_model_version(version)
    }

    /// One version of a registered model.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn model_version(&self, name: &str, version: u32) -> Result<ModelVersion> {
        self.store.model_version(name, version)
    }

    /// The versions of a registered model, the newest first, fetched page by page.
    pub fn model_versions<'a>(&'a self, name: &'a str) -> Pages<'a, ModelVersion> {
        Pages::new(move |page| self.store.model_versions(name, page))
    }

    /// Sets a tag of a version.
    ///
    /// # Errors
    /// When key or value are not accepted, there is no such version, or the store fails.
    pub fn set_model_version_tag(
        &self,
        name: &str,
        version: u32,
        key: &str,
        value: &str,
    ) -> Result<()> {
        limits::check_tag(key, value, limits::REGISTRY_TAG_LENGTH)?;
        self.store.set_version_tag(name, version, key, value)
    }

    /// Points an alias to a version, wherever it pointed before.
    ///
    /// # Errors
    /// When the alias is not accepted, there is no such version, or the store fails.
    pub fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<()> {
        check_alias(alias)?;
        self.store.set_alias(name, alias, version)
    }

    /// Points an alias to version `to` if it still points to version `from`, or to none for `None`.
    ///
    /// Atomic in a local database. A server has no such request, so the alias is read before and after: another program
    /// could move it in between.
    ///
    /// # Errors
    /// [`Error::AliasMoved`] when it points elsewhere; when the alias is not accepted, there is no such model or version,
    /// or the store fails.
    pub fn move_alias(&self, name: &str, alias: &str, from: Option<u32>, to: u32) -> Result<()> {
        check_alias(alias)?;
        self.store.move_alias(name, alias, from, to)
    }

    /// Removes an alias; nothing happens if there is none.
    ///
    /// # Errors
    /// When there is no such model, or the store fails.
    pub fn delete_alias(&self, name: &str, alias: &str) -> Result<()> {
        check_alias(alias)?;
        self.store.delete_alias(name, alias)
    }

    /// The version an alias points to.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub fn model_version_by_alias(&self, name: &str, alias: &str) -> Result<ModelVersion> {
        check_alias(alias)?;
        self.store.model_version_by_alias(name, alias)
    }

    /// URI of the folder with a version's model, for [`artifacts`](Self::artifacts).
    ///
    /// # Errors
    /// When there is no such version, or the store fails.
    pub fn download_uri(&self, name: &str, version: u32) -> Result<String> {
        let uri = self.store.download_uri(name, version)?;
        // The registry returns `runs:/ID/PATH` as it was registered.
        let run = uri.strip_prefix("runs:/").map(|rest| rest.trim_start_matches('/'));
        match run.and_then(|rest| rest.split_once('/')) {
            Some((run_id, path)) => Ok(format!("{}/{path}", self.store.run(run_id)?.artifact_uri)),
            None => Ok(uri),
        }
    }

    /// Uploads a model's folder and registers it as the next version of its registered model.
    ///
    /// On a server that knows MLflow 3's logged models the model becomes one, shown with the run;
    /// on an older server and in a local database it is stored among the run's artifacts.
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
        let (source, model_id) = if let Some(logged) = self.store.create_logged_model(run, model)? {
            self.upload_logged(&logged, folder)?;
            (format!("models:/{}", logged.id), Some(logged.id))
        } else {
            let artifacts = self.artifacts(&run.artifact_uri)?;
            artifacts.upload_folder(folder, &model.name)?;
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
            // Only the first version finds no registered model, so it is created on demand.
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
        // The error of the upload is the cause; the second one may follow from it.
        uploaded.and(finished)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Client");
        shown.field("tracking_uri", &self.tracking_uri).finish_non_exhaustive()
    }
}

fn open_store(config: &Config) -> Result<Arc<dyn Store>> {
    match &config.tracking_uri {
        #[cfg(feature = "local")]
        TrackingUri::Local { database } => {
            Ok(Arc::new(crate::local::LocalStore::open(database, config.lock_timeout)?))
        }
        #[cfg(feature = "rest")]
        TrackingUri::Server { url } => {
            Ok(Arc::new(crate::rest::RestStore::new(url, &config.http)?))
        }
        #[cfg(not(all(feature = "local", feature = "rest")))]
        uri => Err(Error::FeatureOff {
            uri: uri.to_string(),
            feature: if matches!(uri, TrackingUri::Local { .. }) { "local" } else { "rest" },
        }),
    }
}

fn usable(experiment: Experiment) -> Result<Experiment> {
    let expected =
        "one that is not deleted; restore it with `mlflow experiments restore` or use another name";
    match experiment.lifecycle {
        Lifecycle::Active => Ok(experiment),
        Lifecycle::Deleted => Err(invalid("experiment", &experiment.name, expected)),
    }
}
