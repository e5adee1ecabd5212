//! All models of the service, and how they are loaded and replaced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use pet_model::Results;
use pet_predict::Runtime;
use schemars::JsonSchema;
use serde::Serialize;

use crate::configuration::{Configuration, ModelFolder, Role, same_name};
use crate::deployment::{Deployment, TrafficSplit};
use crate::error::{ApiError, Code, Error, error_chain};
use crate::loaded_model::{LoadedModel, Loader};
use crate::metrics::Metrics;

/// The models, with what is needed to load them again.
pub(crate) struct Models {
    loader: Loader,
    configuration: Configuration,
    current: RwLock<Current>,
    /// Held while models are loaded or unloaded, so that this happens one at a time.
    loading: Mutex<()>,
}

struct Current {
    deployment: Deployment,
    /// The loaded models of the folder, by name.
    named: BTreeMap<String, Arc<LoadedModel>>,
    /// Why models of the folder could not be loaded, by name.
    failures: BTreeMap<String, String>,
}

impl Models {
    pub(crate) fn load(runtime: Runtime, configuration: &Configuration) -> Result<Self, Error> {
        let loader = Loader::new(runtime, configuration);
        let deployment = Deployment::load(&loader, configuration)?;
        let served = &deployment.split.primary.name;
        let folder = configuration.models.as_ref();
        let initial = folder.map(|folder| folder.initial(served)).transpose()?;
        let load = |(name, results): (String, Results)| {
            Ok((name.clone(), loader.load(&results, Role::Named, Some(&name))?))
        };
        let named = initial.into_iter().flatten().map(load).collect::<Result<_, Error>>()?;
        Ok(Self {
            loader,
            configuration: configuration.clone(),
            current: RwLock::new(Current { deployment, named, failures: BTreeMap::new() }),
            loading: Mutex::new(()),
        })
    }

    pub(crate) fn shadow(&self) -> Option<Arc<LoadedModel>> {
        self.current.read().deployment.shadow.clone()
    }

    /// The models for requests that name none. A request keeps the models that it started with.
    pub(crate) fn split(&self) -> TrafficSplit {
        self.current.read().deployment.split.clone()
    }

    pub(crate) fn named(&self, name: &str) -> Result<TrafficSplit, ApiError> {
        let current = self.current.read();
        let split = &current.deployment.split;
        if split.primary.name == name {
            return Ok(split.clone());
        }
        if let Some(named) = current.named.get(name) {
            return Ok(TrafficSplit::only(named.clone()));
        }
        let folder = self.configuration.models.as_ref();
        if folder.is_some_and(|folder| folder.has(name)) {
            let hint = format!(
                "load it with `POST /v2/repository/models/{name}/load` and the admin token"
            );
            let detail = format!("model `{name}` is not loaded");
            return Err(ApiError::new(Code::NotFound, detail).with_hint(hint));
        }
        Err(missing(name, std::iter::once(&split.primary.name).chain(current.named.keys())))
    }

    /// The models for requests with this name, and possibly a version.
    pub(crate) fn of_version(
        &self,
        name: &str,
        version: Option<&str>,
    ) -> Result<TrafficSplit, ApiError> {
        let split = self.named(name)?;
        match version {
            Some(version) => split.of_version(version),
            None => Ok(split),
        }
    }

    fn all(&self) -> Vec<Arc<LoadedModel>> {
        let current = self.current.read();
        current.deployment.all().chain(current.named.values()).cloned().collect()
    }

    pub(crate) fn log(&self, message: &str) {
        self.all().iter().for_each(|model| model.log(message));
    }

    pub(crate) fn update_metrics(&self, metrics: &Metrics) {
        metrics.models.set_loaded(self.all().iter().map(|model| model.labels()));
        let primary = self.split().primary;
        metrics.set_model(primary.metadata());
        metrics.models.set_drift(primary.drift.as_ref());
    }

    /// Reloads every model: first the served one with its successors, then the named ones, one after the other, so that at
    /// most one of them is in memory twice. A model that fails to load is kept as it was; the rest are still reloaded,
    /// unless it is the served one. Returns the served model. Blocks.
    pub(crate) fn reload(&self) -> Result<Arc<LoadedModel>, ApiError> {
        let _guard = self.loading.lock();
        let failed = |error: Error| {
            let detail = format!("{}; the old model is still served", error_chain(&error));
            ApiError::new(Code::Internal, detail).with_optional_hint(error.hint())
        };
        let primary = self.reload_deployment().map_err(failed)?;
        let named: Vec<_> = self.current.read().named.values().cloned().collect();
        let reloaded = named.iter().map(|model| self.load_folder(&model.name, &model.results));
        // Collected first, so that one failure does not end the iteration.
        let reloaded: Vec<_> = reloaded.collect();
        reloaded.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(primary)
    }

    /// Loads or reloads the model of this name from its folder; if that fails, it is kept as it was. Blocks.
    pub(crate) fn load_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _guard = self.loading.lock();
        let primary = self.split().primary;
        let failed = |error: Error| {
            ApiError::new(Code::Internal, error_chain(&error)).with_optional_hint(error.hint())
        };
        if primary.name == name {
            let primary = self.reload_deployment().map_err(failed)?;
            return Ok(IndexEntry::ready(name, &primary));
        }
        let folders = self.folders().map_err(failed)?;
        let missing = || missing(name, std::iter::once(&primary.name).chain(folders.keys()));
        let results = folders.get(name).ok_or_else(missing)?;
        self.check_room(name)?;
        let loaded = self.load_folder(name, results).map_err(failed)?;
        Ok(IndexEntry::ready(name, &loaded))
    }

    /// Unloads the model of this name; requests that have started with it are still answered.
    pub(crate) fn unload_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _guard = self.loading.lock();
        if self.split().primary.name == name {
            let detail = format!("`{name}` is the served model, which cannot be unloaded");
            let hint = "`/model/reload` reloads it from its folder";
            return Err(ApiError::bad_parameter(detail).with_hint(hint));
        }
        let mut current = self.current.write();
        current.failures.remove(name);
        let unloaded = current.named.remove(name);
        drop(current);
        if let Some(unloaded) = unloaded {
            unloaded.log("the model was unloaded");
            return Ok(IndexEntry::unavailable(name, None));
        }
        let folders = self.folders().map_err(ApiError::internal)?;
        if folders.contains_key(name) {
            return Ok(IndexEntry::unavailable(name, None));
        }
        Err(missing(name, folders.keys()))
    }

    /// Every model that a request can name, loaded or not: first the served one, then the named ones in the order of their
    /// names. A folder with the name of the served model is skipped, as it cannot be loaded.
    pub(crate) fn index(&self) -> Result<Vec<IndexEntry>, ApiError> {
        let folders = self.folders().map_err(ApiError::internal)?;
        let current = self.current.read();
        let split = &current.deployment.split;
        // A canary answers requests with the name of the primary model.
        let served = &split.primary.name;
        let mut index: Vec<_> = split.all().map(|model| IndexEntry::ready(served, model)).collect();
        let names: BTreeSet<_> = folders.keys().chain(current.named.keys()).collect();
        for name in names.into_iter().filter(|name| *name != served) {
            let failure = current.failures.get(name);
            index.push(match current.named.get(name) {
                Some(loaded) => IndexEntry {
                    reason: failure.cloned().unwrap_or_default(),
                    ..IndexEntry::ready(name, loaded)
                },
                None => IndexEntry::unavailable(name, failure),
            });
        }
        Ok(index)
    }

    /// The models in the folder now, loaded or not.
    fn folders(&self) -> Result<BTreeMap<String, Results>, Error> {
        let folder = self.configuration.models.as_ref();
        Ok(folder.map(ModelFolder::scan).transpose()?.unwrap_or_default().models)
    }

    /// Fails if no further model may be loaded, unless one of this name is loaded.
    fn check_room(&self, name: &str) -> Result<(), ApiError> {
        let max = self.configuration.models.as_ref().map_or(0, |folder| folder.max_loaded);
        let named = &self.current.read().named;
        if named.contains_key(name) || named.len() < max {
            return Ok(());
        }
        let detail = format!("the limit of `{max}` loaded models has been reached");
        let hint = "unload another one first, or restart the service with a higher limit";
        Err(ApiError::new(Code::Full, detail).with_hint(hint))
    }

    /// Reloads the served model and its successors. If one fails to load, or has the name of another, all of them are kept.
    fn reload_deployment(&self) -> Result<Arc<LoadedModel>, Error> {
        let next = Deployment::load(&self.loader, &self.configuration).and_then(|next| {
            let name = &next.split.primary.name;
            match self.current.read().named.get(name) {
                Some(other) => Err(same_name(name, &other.results)),
                None => Ok(next),
            }
        });
        let next = next.inspect_err(log_not_reloaded)?;
        self.current.write().deployment = next.clone();
        next.all().for_each(|model| model.log("the model was reloaded"));
        Ok(next.split.primary)
    }

    /// Loads or reloads a named model; if that fails, the old one is kept.
    fn load_folder(&self, name: &str, results: &Results) -> Result<Arc<LoadedModel>, Error> {
        let is_loaded = self.current.read().named.contains_key(name);
        let loaded = self.loader.load(results, Role::Named, Some(name)).inspect_err(|error| {
            let reason = error_chain(error);
            if is_loaded {
                log_not_reloaded(error);
            } else {
                tracing::warn!(reason, "the model was not loaded");
            }
            self.current.write().failures.insert(name.to_owned(), reason);
        })?;
        let mut current = self.current.write();
        current.failures.remove(name);
        current.named.insert(name.to_owned(), loaded.clone());
        drop(current);
        loaded.log(if is_loaded { "the model was reloaded" } else { "the model was loaded" });
        Ok(loaded)
    }
}

fn log_not_reloaded(error: &Error) {
    tracing::warn!(
        reason = error_chain(error),
        "the model was not reloaded; the old one is still served"
    );
}

/// The error for an unknown name, with the names of the `others`.
fn missing<'a>(name: &str, others: impl Iterator<Item = &'a String>) -> ApiError {
    let detail = format!("model `{name}` does not exist");
    let others: Vec<_> = others.map(|name| format!("`{name}`")).collect();
    let hint = match others.as_slice() {
        [] => None,
        [one] => Some(format!("the only model is {one}")),
        several => Some(format!("the models are {}", several.join(", "))),
    };
    ApiError::new(Code::NotFound, detail).with_optional_hint(hint)
}

/// A model of the index.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RepositoryModel")]
pub(crate) struct IndexEntry {
    /// Its name in requests.
    pub(crate) name: String,
    /// Its version; absent if it has none, or is not loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Whether it is loaded.
    pub(crate) state: State,
    /// Why it is not loaded or could not be reloaded; otherwise empty.
    pub(crate) reason: String,
}

/// The state of a model.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(rename = "RepositoryState")]
pub(crate) enum State {
    Ready,
    Unavailable,
}

impl IndexEntry {
    fn ready(name: &str, model: &LoadedModel) -> Self {
        Self {
            name: name.to_owned(),
            version: model.metadata().model_version.clone(),
            state: State::Ready,
            reason: String::new(),
        }
    }

    fn unavailable(name: &str, reason: Option<&String>) -> Self {
        Self {
            name: name.to_owned(),
            version: None,
            state: State::Unavailable,
            reason: reason.map_or_else(|| "it is not loaded".to_owned(), String::clone),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }
}
