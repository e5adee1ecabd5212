//! A client for MLflow tracking and its model registry, on a server or in a local SQLite file.
//!
//! ```
//! use mlflow_client::{Batch, Client, NewRun, RunQuery, RunStatus, now};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! // `mlflow.db` in this folder, artifacts in `mlruns` beside it; `mlflow ui` opens both.
//! let client = Client::local(folder.path())?;
//! let experiment = client.experiment("digits")?;
//! let run = client.create_run(&experiment.id, &NewRun::new("first try", now()))?;
//!
//! client.log_batch(&run.id, &Batch::new().param("learning_rate", 0.001))?;
//! for epoch in 0..3 {
//!     let loss = 1.0 / (epoch + 1) as f64;
//!     client.log_batch(&run.id, &Batch::new().metric("loss", loss, now(), epoch))?;
//! }
//! client.artifacts(&run.artifact_uri)?.upload_bytes(b"it works", "notes.txt")?;
//! client.update_run(&run.id, RunStatus::Finished, Some(now()))?;
//!
//! let query = RunQuery::new(&experiment.id).filter("metrics.loss < 0.5").order_by("metrics.loss ASC");
//! for found in client.search_runs(&query) {
//!     let found = found?;
//!     assert_eq!(found.params["learning_rate"], "0.001");
//!     assert_eq!(client.metric_history(&found.id, "loss")?.len(), 3);
//! }
//! # Ok(())
//! # }
//! ```

mod artifact;
mod batch;
mod client;
mod config;
mod credentials;
mod dataset;
mod error;
mod json;
pub mod limits;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "model")]
pub mod model;
mod registry;
#[cfg(feature = "rest")]
mod rest;
mod run;
mod search;
#[cfg(feature = "spool")]
pub mod spool;
mod store;
mod time;
mod tracking_uri;

pub use artifact::{ArtifactFile, Artifacts};
pub use batch::{Batch, Metric};
pub use client::Client;
pub use config::{Config, HttpOptions};
pub use credentials::{Credentials, Secret};
pub use dataset::{CONTEXT_TAG, DatasetInput};
pub use error::{Cause, Error, Result};
pub use registry::{ModelVersion, NewModel, NewModelVersion, RegisteredModel};
pub use run::{Experiment, Lifecycle, NewRun, Run, RunStatus, random_id};
pub use search::{Pages, RunQuery, Runs};
pub use time::{Timestamp, now};
pub use tracking_uri::TrackingUri;
