//! The named models, which are loaded from a folder of models.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pet_model::Results;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ApiError, Code, Error};
use crate::loaded_model::LoadedModel;
use crate::model_folder::ModelFolder;

/// The models in a folder, loaded or not. Empty without a folder.
pub(crate) struct Repository {
    folder: Option<ModelFolder>,
    contents: RwLock<Contents>,
}

#[derive(Default)]
struct Contents {
    loaded: BTreeMap<String, Arc<LoadedModel>>,
    /// Reasons of failed attempts to load.
    failures: BTreeMap<String, String>,
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
    pub(crate) fn ready(name: &str, model: &LoadedModel) -> Self {
        Self {
            name: name.to_owned(),
            version: model.metadata().model_version.clone(),
            state: State::Ready,
            reason: String::new(),
        }
    }

    pub(crate) fn unavailable(name: &str, reason: Option<&String>) -> Self {
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

impl Repository {
    pub(crate) fn new(folder: Option<ModelFolder>) -> Self {
        Self { folder, contents: RwLock::default() }
    }

    /// The models to load at startup: all in the folder. None of them may have the name of the served one.
    pub(crate) fn initial(&self, served: &str) -> Result<BTreeMap<String, Results>, Error> {
        let Some(folder) = &self.folder else {
            return Ok(BTreeMap::new());
        };
        let found = folder.scan()?;
        for (name, reason) in found.skipped {
            let place = folder.folder.display();
            tracing::info!(%place, name, reason, "skipped in the folder of models");
        }
        let (count, max) = (found.models.len(), folder.max_loaded);
        if count > max {
            let folder = folder.folder.clone();
            return Err(Error::ModelCount { folder, count, max });
        }
        match found.models.get(served) {
            Some(results) => Err(same_name(served, results)),
            None => Ok(found.models),
        }
    }

    /// The models in the folder now, loaded or not.
    pub(crate) fn folders(&self) -> Result<BTreeMap<String, Results>, Error> {
        let found = self.folder.as_ref().map(ModelFolder::scan).transpose()?;
        Ok(found.unwrap_or_default().models)
    }

    /// Whether the folder has a model of this name, loaded or not.
    pub(crate) fn has_folder(&self, name: &str) -> bool {
        self.folder.as_ref().is_some_and(|folder| folder.has(name))
    }

    /// Every named model, by name. A folder with the name of the served model is skipped, as it cannot be loaded.
    pub(crate) fn index(&self, served: &str) -> Result<Vec<IndexEntry>, Error> {
        let folders = self.folders()?;
        let contents = self.read();
        let names: BTreeSet<_> = folders.keys().chain(contents.loaded.keys()).collect();
        let names = names.into_iter().filter(|name| name.as_str() != served);
        let entry = |name: &String| {
            let failure = contents.failures.get(name);
            match contents.loaded.get(name) {
                Some(loaded) => IndexEntry {
                    reason: failure.cloned().unwrap_or_default(),
                    ..IndexEntry::ready(name, loaded)
                },
                None => IndexEntry::unavailable(name, failure),
            }
        };
        Ok(names.map(entry).collect())
    }

    pub(crate) fn loaded(&self) -> Vec<Arc<LoadedModel>> {
        self.read().loaded.values().cloned().collect()
    }

    /// The model of this name, if it is loaded.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<LoadedModel>> {
        self.read().loaded.get(name).cloned()
    }

    /// Fails if no further model may be loaded, unless one of this name is loaded.
    pub(crate) fn check_room(&self, name: &str) -> Result<(), ApiError> {
        let max = self.folder.as_ref().map_or(0, |folder| folder.max_loaded);
        let loaded = &self.read().loaded;
        if loaded.contains_key(name) || loaded.len() < max {
            return Ok(());
        }
        let detail = format!("the limit of `{max}` loaded models has been reached");
        let hint = "unload another one first, or restart the service with a higher limit";
        Err(ApiError::new(Code::Full, detail).with_hint(hint))
    }

    /// Fails if a loaded model has the name of the served one.
    pub(crate) fn check_name(&self, served: &str) -> Result<(), Error> {
        match self.get(served) {
            Some(loaded) => Err(same_name(served, &loaded.results)),
            None => Ok(()),
        }
    }

    /// Adds a model, or replaces the one of that name.
    pub(crate) fn put(&self, model: Arc<LoadedModel>) {
        let mut contents = self.write();
        let name = model.name.clone();
        contents.failures.remove(&name);
        contents.loaded.insert(name, model);
    }

    pub(crate) fn take(&self, name: &str) -> Option<Arc<LoadedModel>> {
        let mut contents = self.write();
        contents.failures.remove(name);
        contents.loaded.remove(name)
    }

    /// Sets why a model could not be loaded.
    pub(crate) fn set_failure(&self, name: &str, reason: String) {
        self.write().failures.insert(name.to_owned(), reason);
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_name(name: &str, results: &Results) -> Error {
    Error::SameName { name: name.to_owned(), results: results.to_string() }
}
