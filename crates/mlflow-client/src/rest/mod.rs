//! The store behind an MLflow server, over its REST interface.

mod answer;
mod logged_models;
mod options;
mod proxy;
mod registry;
mod retry;
mod tracking;
mod transport;
mod wire;
mod wire_dataset;

pub use options::{Credentials, HttpOptions, Secret};

use crate::artifact::{ArtifactRepository, FolderArtifacts, uri};
use crate::error::Result;
use crate::store::Store;
use proxy::ProxyArtifacts;
use std::sync::Arc;
use transport::{Request, Transport};

/// The store behind an MLflow server.
///
/// Nothing is sent before the first call. Reading and repeatable writing is tried again as
/// [`HttpOptions`] say; what makes a new entity is repeated only when the server cannot have seen
/// the request.
pub struct RestStore {
    transport: Arc<Transport>,
}

impl RestStore {
    /// A client of the server at `url`, such as `http://127.0.0.1:5000`.
    ///
    /// # Errors
    /// When a certificate of the options cannot be read.
    pub fn new(url: &str, options: &HttpOptions) -> Result<Self> {
        Ok(Self {
            transport: Arc::new(Transport::new(url, options)?),
        })
    }

    /// Asks the server once, without patience, for its version, such as `3.17.2`: a quick way to
    /// tell a person that the address is wrong or the server is down.
    ///
    /// # Errors
    /// When the server does not answer as MLflow does.
    pub fn version(&self) -> Result<String> {
        let request = Request::get("/version").once();
        let mut response = self.transport.send(&request)?;
        answer::text(&mut response, &self.transport.url(&request))
    }
}

impl Store for RestStore {
    fn check(&self) -> Result<()> {
        self.version().map(|_| ())
    }

    /// Artifacts that the server passes on (`mlflow-artifacts:`) and folders of this machine.
    fn artifact_repository(&self, uri: &str) -> Result<Box<dyn ArtifactRepository>> {
        if uri.starts_with("mlflow-artifacts:") {
            return Ok(Box::new(ProxyArtifacts::new(
                Arc::clone(&self.transport),
                uri,
            )?));
        }
        Ok(Box::new(FolderArtifacts::new(uri::to_path(uri)?)))
    }
}
