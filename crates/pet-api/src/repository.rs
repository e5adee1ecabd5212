//! The named models, which lie in a folder of models.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use pet_model::Results;
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::{ApiError, Code, Error};
use crate::model_folder::ModelFolder;
use crate::served::Served;

/// The models in a folder, and which of them are loaded. Empty without a folder.
pub(crate) struct Repository {
    folder: Option<ModelFolder>,
    contents: RwLock<Contents>,
}

#[derive(Default)]
struct Contents {
    loaded: BTreeMap<String, Arc<Served>>,
    /// Why loading failed, where the last attempt did.
    failures: BTreeMap<String, String>,
}

/// A model of the index.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RepositoryModel")]
pub(crate) struct IndexEntry {
    /// The name that it is asked for by.
    name: String,
    /// Its version; absent where it has none, or is not loaded.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Whether it is loaded.
    state: State,
    /// Why it is not loaded, or could not be loaded again; otherwise empty.
    reason: String,
}

/// Whether a model is loaded, in the protocol's words.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(rename = "RepositoryState")]
enum State {
    Ready,
    Unavailable,
}

impl IndexEntry {
    /// A model that is loaded.
    pub(crate) fn ready(name: &str, served: &Served) -> Self {
        Self {
            name: name.to_owned(),
            version: served.metadata().model_version.clone(),
            state: State::Ready,
            reason: String::new(),
        }
    }

    /// A model that is not loaded.
    pub(crate) fn unavailable(name: &str, reason: Option<&String>) -> Self {
        Self {
            name: name.to_owned(),
            version: None,
            state: State::Unavailable,
            reason: reason.map_or_else(|| "it is not loaded".to_owned(), String::clone),
        }
    }

    /// Whether it answers.
    pub(crate) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }
}

impl Repository {
    /// Nothing is loaded yet.
    pub(crate) fn new(folder: Option<ModelFolder>) -> Self {
        Self {
            folder,
            contents: RwLock::default(),
        }
    }

    /// The models to start with: all in the folder. None may have the name of the served one. Entries that are not models
    /// are logged.
    pub(crate) fn first(&self, served: &str) -> Result<BTreeMap<String, Results>, Error> {
        let Some(folder) = &self.folder else {
            return Ok(BTreeMap::new());
        };
        let found = folder.look()?;
        for (name, reason) in found.others {
            let place = folder.folder.display();
            tracing::info!(%place, name, reason, "left out of the models");
        }
        let (count, most) = (found.models.len(), folder.most);
        if count > most {
            let folder = folder.folder.clone();
            return Err(Error::ModelCount {
                folder,
                count,
                most,
            });
        }
        match found.models.get(served) {
            Some(results) => Err(same_name(served, results)),
            None => Ok(found.models),
        }
    }

    /// The models in the folder now, loaded or not.
    pub(crate) fn folders(&self) -> Result<BTreeMap<String, Results>, Error> {
        let found = self.folder.as_ref().map(ModelFolder::look).transpose()?;
        Ok(found.unwrap_or_default().models)
    }

    /// Every named model, by name; a folder with the name of the served model is left out, as it cannot be loaded.
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

    /// Every model that is loaded.
    pub(crate) fn loaded(&self) -> Vec<Arc<Served>> {
        self.read().loaded.values().cloned().collect()
    }

    /// The model of this name, if it is loaded.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Served>> {
        self.read().loaded.get(name).cloned()
    }

    /// Refuses a model of this name if too many are loaded.
    pub(crate) fn check_room(&self, name: &str) -> Result<(), ApiError> {
        let most = self.folder.as_ref().map_or(0, |folder| folder.most);
        let loaded = &self.read().loaded;
        if loaded.contains_key(name) || loaded.len() < most {
            return Ok(());
        }
        let detail = format!("no more than `{most}` models of the folder may be loaded");
        let hint = "unload another one first, or start the service with room for more".to_owned();
        Err(ApiError::new(Code::Full, detail).with_hint(hint))
    }

    /// Refuses a name for the served model that a loaded one has.
    pub(crate) fn check_name(&self, served: &str) -> Result<(), Error> {
        match self.get(served) {
            Some(loaded) => Err(same_name(served, loaded.results())),
            None => Ok(()),
        }
    }

    /// Adds a model, in place of the one of that name.
    pub(crate) fn put(&self, served: Arc<Served>) {
        let mut contents = self.write();
        let name = served.name().to_owned();
        contents.failures.remove(&name);
        contents.loaded.insert(name, served);
    }

    /// Takes out the model of this name.
    pub(crate) fn take(&self, name: &str) -> Option<Arc<Served>> {
        let mut contents = self.write();
        contents.failures.remove(name);
        contents.loaded.remove(name)
    }

    /// Keeps the reason why a model was not loaded.
    pub(crate) fn failed(&self, name: &str, reason: String) {
        self.write().failures.insert(name.to_owned(), reason);
    }

    fn read(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn same_name(name: &str, results: &Results) -> Error {
    Error::SameName {
        name: name.to_owned(),
        results: results.to_string(),
    }
}
