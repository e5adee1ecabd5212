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
mod experiment;
mod id;
pub mod limits;
mod local;
mod logged_model;
mod metric;
pub mod model;
mod registry;
mod rest;
mod run;
mod search;
pub mod spool;
pub mod store;
mod time;
mod tracking_uri;

pub use artifact::{ArtifactFile, ArtifactRepository, Artifacts, Content};
pub use batch::Batch;
pub use client::{Client, NewModel};
pub use config::Config;
pub use dataset::{CONTEXT_TAG, DatasetInput};
pub use error::{Cause, Error, Result};
pub use experiment::{Experiment, Lifecycle};
pub use id::random_id;
pub use local::LocalStore;
pub use logged_model::{LoggedModel, NewLoggedModel};
pub use metric::Metric;
pub use registry::{ModelVersion, NewModelVersion, RegisteredModel};
pub use rest::{Credentials, HttpOptions, RestStore, Secret};
pub use run::{NewRun, Run, RunStatus};
pub use search::{Page, Pages, RunQuery, Runs};
pub use time::{now, utc};
pub use tracking_uri::TrackingUri;

/// The example of the README is a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
