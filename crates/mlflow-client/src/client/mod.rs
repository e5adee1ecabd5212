//! The one face of both stores: checks what goes in, cuts batches to size, walks through pages.

mod logged_models;
mod models;
mod runs;

pub use logged_models::NewModel;

use crate::artifact::Artifacts;
use crate::config::Config;
use crate::error::Result;
use crate::local::LocalStore;
use crate::rest::RestStore;
use crate::store::Store;
use crate::tracking_uri::TrackingUri;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// MLflow's tracking and model registry, on a server or in a local database.
///
/// Cheap to clone; may be used from many threads.
#[derive(Clone)]
pub struct Client {
    store: Arc<dyn Store>,
    place: TrackingUri,
}

impl Client {
    /// Opens the store that the configuration names. A local database is made where there is none;
    /// a server is first talked to by the first call.
    ///
    /// # Errors
    /// When the database cannot be opened, or a setting cannot be used.
    pub fn open(config: &Config) -> Result<Self> {
        let store: Arc<dyn Store> = match &config.tracking_uri {
            TrackingUri::Local { database } => {
                Arc::new(LocalStore::open(database, config.lock_timeout)?)
            }
            TrackingUri::Server { url } => Arc::new(RestStore::new(url, &config.http)?),
        };
        Ok(Self {
            store,
            place: config.tracking_uri.clone(),
        })
    }

    /// Opens, or makes, `mlflow.db` in a folder; artifacts go to `mlruns` beside it.
    ///
    /// # Errors
    /// When the database cannot be opened or made.
    pub fn local(folder: &Path) -> Result<Self> {
        Self::open(&Config::new(TrackingUri::in_folder(folder)))
    }

    /// A client of any other store.
    pub fn with_store(store: Arc<dyn Store>, place: TrackingUri) -> Self {
        Self { store, place }
    }

    /// Where this client keeps its things.
    pub fn tracking_uri(&self) -> &TrackingUri {
        &self.place
    }

    /// Finds out at once, without repeating, whether the store can be reached: a program can tell
    /// its user before it starts to work.
    ///
    /// # Errors
    /// When a server does not answer as MLflow does.
    pub fn check(&self) -> Result<()> {
        self.store.check()
    }

    /// The files below an artifact URI, such as a run's
    /// [`artifact_uri`](crate::Run::artifact_uri).
    ///
    /// # Errors
    /// [`ArtifactUri`](crate::Error::ArtifactUri) when this kind of URI cannot be reached.
    pub fn artifacts(&self, uri: &str) -> Result<Artifacts> {
        Ok(Artifacts::new(self.store.artifact_repository(uri)?))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Client")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
