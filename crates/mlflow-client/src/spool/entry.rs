//! Entries: what a run sends to its store.

use crate::batch::Batch;
use crate::client::Client;
use crate::dataset::DatasetInput;
use crate::error::Result;
use crate::registry::{ModelVersion, NewModel};
use crate::run::{Run, RunStatus};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One item that a run sends to its store.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Entry {
    /// Metrics, parameters and tags.
    Batch(Batch),
    /// The data sets it used.
    Datasets(Vec<DatasetInput>),
    /// A file, whose content is attached.
    Artifact {
        /// Where it belongs among the run's artifacts.
        path: String,
    },
    /// A model, whose folder is attached.
    Model(NewModel),
    /// How it ended.
    End {
        /// A status that ends a run.
        status: RunStatus,
        /// When.
        time: Timestamp,
    },
}

/// The files that belong to an entry.
#[derive(Debug)]
pub(super) enum Attachment {
    /// Nothing.
    None,
    /// The content of an artifact.
    Bytes(Vec<u8>),
    /// The file with the content, or the folder with the model.
    Path(PathBuf),
}

impl Entry {
    /// Sends it; a model becomes a version.
    pub(super) fn send(
        &self,
        client: &Client,
        run: &Run,
        attachment: &Attachment,
    ) -> Result<Option<ModelVersion>> {
        match (self, attachment) {
            (Self::Batch(batch), _) => client.log_batch(&run.id, batch)?,
            (Self::Datasets(datasets), _) => client.log_datasets(&run.id, datasets)?,
            (Self::Artifact { path }, Attachment::Bytes(bytes)) => {
                client.artifacts(&run.artifact_uri)?.upload_bytes(bytes, path)?
            }
            (Self::Artifact { path }, Attachment::Path(file)) => {
                client.artifacts(&run.artifact_uri)?.upload_file(file, path)?
            }
            (Self::Model(model), Attachment::Path(folder)) => {
                return client.register_folder(run, folder, model).map(Some);
            }
            (Self::End { status, time }, _) => client.update_run(&run.id, *status, Some(*time))?,
            // Nothing was attached: there is nothing to send.
            (Self::Artifact { .. } | Self::Model(_), _) => {}
        }
        Ok(None)
    }
}
