//! All models of the service, and how they are loaded and replaced.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pet_model::Results;
use pet_predict::Runtime;

use crate::configuration::{Configuration, Role};
use crate::deployment::{Deployment, TrafficSplit};
use crate::error::{ApiError, Code, Error, error_chain};
use crate::loaded_model::{LoadedModel, Loader};
use crate::metrics::Metrics;
use crate::repository::{IndexEntry, Repository};

/// The models, with what is needed to load them again.
pub(crate) struct Models {
    loader: Loader,
    configuration: Configuration,
    current: RwLock<Deployment>,
    repository: Repository,
    /// Held while models are loaded or unloaded, so that this happens one at a time.
    loading: Mutex<()>,
}

impl Models {
    /// Loads the initial models.
    pub(crate) fn load(runtime: Runtime, configuration: &Configuration) -> Result<Self, Error> {
        let loader = Loader::new(runtime, configuration);
        let deployment = Deployment::load(&loader, configuration)?;
        let repository = Repository::new(configuration.models.clone());
        for (name, results) in repository.initial(&deployment.split.primary.name)? {
            repository.put(loader.load(&results, Role::Named, Some(&name))?);
        }
        Ok(Self {
            loader,
            configuration: configuration.clone(),
            current: RwLock::new(deployment),
            repository,
            loading: Mutex::new(()),
        })
    }

    /// The current served model with its successors.
    pub(crate) fn current(&self) -> Deployment {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The models for requests that name none. A request keeps the models that it started with.
    pub(crate) fn split(&self) -> TrafficSplit {
        self.current().split
    }

    /// The models for requests with this name.
    pub(crate) fn named(&self, name: &str) -> Result<TrafficSplit, ApiError> {
        let split = self.split();
        if split.primary.name == name {
            return Ok(split);
        }
        let missing = || {
            if self.repository.has_folder(name) {
                return not_loaded(name);
            }
            let others = self.repository.loaded();
            let others = others.iter().map(|model| &*model.name);
            missing(name, std::iter::once(&*split.primary.name).chain(others))
        };
        let found = self.repository.get(name);
        found.map(TrafficSplit::only).ok_or_else(missing)
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
        let mut all: Vec<_> = self.current().all().cloned().collect();
        all.extend(self.repository.loaded());
        all
    }

    pub(crate) fn log(&self, message: &str) {
        self.all().iter().for_each(|model| model.log(message));
    }

    /// Updates the metrics that describe the models.
    pub(crate) fn update_metrics(&self, metrics: &Metrics) {
        let all = self.all();
        let labels = all.iter().map(|model| model.labels());
        metrics.models.set_loaded(labels);
        let primary = self.split().primary;
        metrics.set_model(primary.metadata());
        metrics.models.set_drift(primary.drift.as_ref());
    }

    /// Reloads every model: first the served one with its successors, then the named ones, one after the other, so that at
    /// most one of them is in memory twice. A model that fails to load is kept as it was; the rest are still reloaded,
    /// unless it is the served one. Returns the served model. Blocks.
    pub(crate) fn reload(&self) -> Result<Arc<LoadedModel>, Error> {
        let _guard = self.lock_loading();
        let primary = self.reload_deployment()?;
        let loaded = self.repository.loaded().into_iter();
        let reloaded = loaded.map(|model| self.load_folder(&model.name, &model.results));
        // Collected first, so that one failure does not end the iteration.
        let reloaded: Vec<_> = reloaded.collect();
        reloaded.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(primary)
    }

    /// Loads or reloads the model of this name from its folder; if that fails, it is kept as it was. Blocks.
    pub(crate) fn load_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _guard = self.lock_loading();
        let primary = self.split().primary;
        let failed = |error: Error| {
            ApiError::new(Code::Internal, error_chain(&error)).with_optional_hint(error.hint())
        };
        if primary.name == name {
            let primary = self.reload_deployment().map_err(failed)?;
            return Ok(IndexEntry::ready(name, &primary));
        }
        let folders = self.repository.folders().map_err(failed)?;
        let missing = || {
            let folders = folders.keys().map(String::as_str);
            missing(name, std::iter::once(&*primary.name).chain(folders))
        };
        let results = folders.get(name).ok_or_else(missing)?;
        self.repository.check_room(name)?;
        let loaded = self.load_folder(name, results).map_err(failed)?;
        Ok(IndexEntry::ready(name, &loaded))
    }

    /// Unloads the model of this name; requests that have started with it are still answered.
    pub(crate) fn unload_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _guard = self.lock_loading();
        if self.split().primary.name == name {
            let detail = format!("`{name}` is the served model, which cannot be unloaded");
            let hint = "`/model/reload` reloads it from its folder";
            return Err(ApiError::bad_parameter(detail).with_hint(hint));
        }
        if let Some(unloaded) = self.repository.take(name) {
            unloaded.log("the model was unloaded");
            return Ok(IndexEntry::unavailable(name, None));
        }
        let folders = self.repository.folders();
        let folders = folders.map_err(|error| ApiError::internal(&error))?;
        if folders.contains_key(name) {
            return Ok(IndexEntry::unavailable(name, None));
        }
        Err(missing(name, folders.keys().map(String::as_str)))
    }

    /// Every model that a request can name, loaded or not.
    pub(crate) fn index(&self) -> Result<Vec<IndexEntry>, Error> {
        let split = self.split();
        // A canary answers requests with the name of the primary model.
        let name = &split.primary.name;
        let mut index: Vec<_> = split.all().map(|model| IndexEntry::ready(name, model)).collect();
        index.extend(self.repository.index(name)?);
        Ok(index)
    }

    fn lock_loading(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reloads the served model and its successors. If one fails to load, all of them are kept.
    fn reload_deployment(&self) -> Result<Arc<LoadedModel>, Error> {
        let next = Deployment::load(&self.loader, &self.configuration).and_then(|next| {
            self.repository.check_name(&next.split.primary.name)?;
            Ok(next)
        });
        let next = next.inspect_err(log_not_reloaded)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next.clone();
        next.all().for_each(|model| model.log("the model was reloaded"));
        Ok(next.split.primary)
    }

    /// Loads or reloads a named model; if that fails, the old one is kept.
    fn load_folder(&self, name: &str, results: &Results) -> Result<Arc<LoadedModel>, Error> {
        let is_loaded = self.repository.get(name).is_some();
        let loaded = self.loader.load(results, Role::Named, Some(name)).inspect_err(|error| {
            self.repository.set_failure(name, error_chain(error));
            if is_loaded {
                log_not_reloaded(error);
            } else {
                tracing::warn!(reason = error_chain(error), "the model was not loaded");
            }
        })?;
        self.repository.put(loaded.clone());
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
fn missing<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> ApiError {
    let detail = format!("model `{name}` does not exist");
    let others: Vec<_> = others.map(|name| format!("`{name}`")).collect();
    let hint = match others.as_slice() {
        [] => None,
        [one] => Some(format!("the only model is {one}")),
        several => Some(format!("the models are {}", several.join(", "))),
    };
    ApiError::new(Code::NotFound, detail).with_optional_hint(hint)
}

/// The error for a model in the folder that is not loaded.
fn not_loaded(name: &str) -> ApiError {
    let hint = format!("load it with `POST /v2/repository/models/{name}/load` and the admin token");
    ApiError::new(Code::NotFound, format!("model `{name}` is not loaded")).with_hint(hint)
}
