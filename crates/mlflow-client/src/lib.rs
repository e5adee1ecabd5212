#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "local", feature = "rest")),
    allow(dead_code, reason = "without a store nothing implements what `Client` calls")
)]

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
mod uri;
mod waiting;

pub use artifact::{ArtifactFile, Artifacts};
pub use batch::{Batch, Metric};
pub use client::Client;
pub use config::{Config, HttpOptions, SystemMetrics};
pub use credentials::{Credentials, Secret};
pub use dataset::{CONTEXT_TAG, DatasetInput};
pub use error::{Cause, Error, Result};
pub use registry::{ModelVersion, NewModel, NewModelVersion, RegisteredModel};
pub use run::{Experiment, Lifecycle, NewRun, Run, RunStatus, random_id};
pub use search::{Pages, RunQuery, Runs};
pub use time::{Timestamp, now};
pub use tracking_uri::TrackingUri;
pub use waiting::{OnWaiting, Waiting};
