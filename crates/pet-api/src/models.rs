//! The models of the service, and how others take their place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use pet_model::Results;
use pet_predict::{Options, Runtime};

use crate::choice::Choice;
use crate::configuration::Configuration;
use crate::error::{ApiError, Code, Error, explained};
use crate::generation::{Generation, Sources};
use crate::metrics::Metrics;
use crate::repository::{IndexEntry, Repository};
use crate::served::{Loader, Role, Served};

/// Holds the models and knows where to load the next ones.
pub(crate) struct Models {
    loader: Loader,
    sources: Sources,
    workers: usize,
    current: RwLock<Generation>,
    repository: Repository,
    /// Held while models are loaded or unloaded: one after the other.
    loading: Mutex<()>,
}

impl Models {
    /// Loads the first models. The sessions of the served one are made by the workers, so that the first request need
    /// not wait for all of them; the other models get theirs as requests come.
    pub(crate) fn load(runtime: Runtime, configuration: &Configuration) -> Result<Self, Error> {
        let options = Options::default()
            .with_image(configuration.limits)
            .with_precision(configuration.precision);
        let loader = Loader::new(runtime, options, configuration.drift_window.get());
        let sources = Sources {
            results: configuration.results.clone(),
            canary: configuration.canary.clone(),
            shadow: configuration.shadow.clone(),
        };
        let first = Generation::load(&loader, &sources)?;
        let repository = Repository::new(configuration.models.clone());
        for (name, results) in repository.first(first.choice.served.name())? {
            repository.put(load(&loader, &name, &results)?);
        }
        Ok(Self {
            loader,
            sources,
            workers: configuration.workers.get(),
            current: RwLock::new(first),
            repository,
            loading: Mutex::new(()),
        })
    }

    /// The served model of now with its successors.
    pub(crate) fn current(&self) -> Generation {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The models that answer requests which name none.
    pub(crate) fn choice(&self) -> Choice {
        let current = self.current.read();
        let current = current.unwrap_or_else(PoisonError::into_inner);
        current.choice.clone()
    }

    /// The models that answer requests for this name.
    pub(crate) fn named(&self, name: &str) -> Result<Choice, ApiError> {
        let choice = self.choice();
        if choice.served.name() == name {
            return Ok(choice);
        }
        let missing = || {
            let others = self.repository.loaded();
            let others = others.iter().map(|served| served.name());
            missing(name, std::iter::once(choice.served.name()).chain(others))
        };
        let found = self.repository.get(name);
        found.map(Choice::only).ok_or_else(missing)
    }

    /// Every model.
    fn all(&self) -> Vec<Arc<Served>> {
        let mut all: Vec<_> = self.current().all().cloned().collect();
        all.extend(self.repository.loaded());
        all
    }

    /// Says in the log which models there are.
    pub(crate) fn announce(&self, message: &str) {
        self.all()
            .iter()
            .for_each(|served| served.announce(message));
    }

    /// Says in the metrics which models there are.
    pub(crate) fn show(&self, metrics: &Metrics) {
        let all = self.all();
        metrics
            .models
            .loaded(all.iter().map(|served| served.loaded()));
        let served = self.choice().served;
        metrics.serves(served.metadata());
        metrics.drifted(served.drift());
    }

    /// Loads every model again: first the served one with its successors, then the named ones, one after the other, so
    /// that at most one of them is in memory twice. A model that does not load stays as it was, and the rest are still
    /// tried, unless it is the served one. Gives the served one. Takes a while.
    pub(crate) fn reload(&self) -> Result<Arc<Served>, Error> {
        let _alone = self.alone();
        let served = self.reload_served()?;
        let loaded = self.repository.loaded().into_iter();
        let again = loaded.map(|served| self.load_folder(served.name(), served.results()));
        let again: Vec<_> = again.collect();
        again.into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(served)
    }

    /// Loads the model of this name from its folder, or loads it again; if that fails, it stays as it was. Takes a while.
    pub(crate) fn load_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _alone = self.alone();
        let served = self.choice().served;
        let refused =
            |error: Error| ApiError::new(Code::Internal, explained(&error)).with_hint(error.hint());
        if served.name() == name {
            let served = self.reload_served().map_err(refused)?;
            return Ok(IndexEntry::ready(served.name(), &served));
        }
        let folders = self.repository.folders().map_err(refused)?;
        let missing = || {
            let folders = folders.keys().map(String::as_str);
            missing(name, std::iter::once(served.name()).chain(folders))
        };
        let results = folders.get(name).ok_or_else(missing)?;
        self.repository.check_room(name)?;
        let loaded = self.load_folder(name, results).map_err(refused)?;
        Ok(IndexEntry::ready(name, &loaded))
    }

    /// Unloads the model of this name; requests that have begun with it are still answered.
    pub(crate) fn unload_named(&self, name: &str) -> Result<IndexEntry, ApiError> {
        let _alone = self.alone();
        let served = self.choice().served;
        if served.name() == name {
            let detail = format!("`{name}` is the served model, which cannot be unloaded");
            let hint = "`/model/reload` loads what lies in its folder now".to_owned();
            return Err(ApiError::parameter(detail).with_hint(hint));
        }
        if let Some(unloaded) = self.repository.take(name) {
            unloaded.announce("the model was unloaded");
            return Ok(IndexEntry::unavailable(name, None));
        }
        let folders = self.repository.folders();
        let folders = folders.map_err(|error| ApiError::internal(&error))?;
        if folders.contains_key(name) {
            return Ok(IndexEntry::unavailable(name, None));
        }
        Err(missing(name, folders.keys().map(String::as_str)))
    }

    /// All models that can be named, loaded or not.
    pub(crate) fn index(&self) -> Result<Vec<IndexEntry>, Error> {
        let choice = self.choice();
        let name = choice.served.name();
        let ready = choice.all().map(|served| IndexEntry::ready(name, served));
        let mut index: Vec<_> = ready.collect();
        index.extend(self.repository.index(name)?);
        Ok(index)
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Loads the served model and its successors again. If one does not load, the old ones are still served.
    fn reload_served(&self) -> Result<Arc<Served>, Error> {
        let next = self.next().inspect_err(not_reloaded)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        *current = next.clone();
        drop(current);
        let served = next.choice.served.clone();
        next.all()
            .for_each(|served| served.announce("the model was reloaded"));
        Ok(served)
    }

    fn next(&self) -> Result<Generation, Error> {
        let next = Generation::load(&self.loader, &self.sources)?;
        let served = &next.choice.served;
        self.repository.check_name(served.name())?;
        let prepared = self.prepare(served);
        prepared.map_err(|source| Error::Model { source })?;
        Ok(next)
    }

    /// Loads a named model; if that fails, the old one is kept.
    fn load_folder(&self, name: &str, results: &Results) -> Result<Arc<Served>, Error> {
        let is_loaded = self.repository.get(name).is_some();
        let loaded = load(&self.loader, name, results).and_then(|served| {
            let prepared = self.prepare(&served);
            prepared.map_err(|source| Error::unusable(Role::Named, results, source))?;
            Ok(served)
        });
        let loaded = loaded.inspect_err(|error| {
            self.repository.failed(name, explained(error));
            if is_loaded {
                not_reloaded(error);
            } else {
                tracing::warn!(reason = explained(error), "the model was not loaded");
            }
        })?;
        self.repository.put(loaded.clone());
        loaded.announce(if is_loaded {
            "the model was reloaded"
        } else {
            "the model was loaded"
        });
        Ok(loaded)
    }

    /// Makes a session for each worker, so that no request need wait for it.
    fn prepare(&self, served: &Served) -> Result<(), pet_predict::Error> {
        (0..self.workers).try_for_each(|_| served.prepare())
    }
}

fn not_reloaded(error: &Error) {
    tracing::warn!(
        reason = explained(error),
        "the model was not reloaded; the old one is still served"
    );
}

fn missing<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> ApiError {
    let detail = format!("there is no model `{name}`");
    let others: Vec<_> = others.map(|name| format!("`{name}`")).collect();
    let hint = match others.as_slice() {
        [] => None,
        [one] => Some(format!("the only model is {one}")),
        several => Some(format!("the models are {}", several.join(", "))),
    };
    ApiError::new(Code::NotFound, detail).with_hint(hint)
}

/// Loads a model of the repository, which has the name of its folder.
fn load(loader: &Loader, name: &str, results: &Results) -> Result<Arc<Served>, Error> {
    let loaded = loader.load(results, Role::Named, Some(name));
    loaded.map_err(|source| Error::unusable(Role::Named, results, source))
}
