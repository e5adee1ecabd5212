#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "local", feature = "rest")),
    allow(dead_code, reason = "without a store nothing implements what `Client` calls")
)]

mod artifact;
mod batch;
mod client;
mod config;
mod error;
mod json;
pub mod limits;
#[cfg(feature = "local")]
mod local;
mod location;
#[cfg(feature = "model")]
pub mod model;
mod registry;
#[cfg(feature = "rest")]
mod rest;
mod run;
#[cfg(feature = "spool")]
pub mod spool;
mod store;
mod time;

pub use artifact::{ArtifactFile, Artifacts};
pub use batch::{Batch, Metric};
pub use client::Client;
pub use config::{Config, Credentials, HttpOptions, OnWaiting, Secret, SystemMetrics, Waiting};
pub use error::{Cause, Error, Result};
pub use location::TrackingUri;
pub use registry::{ModelVersion, NewModel, NewModelVersion, RegisteredModel};
pub use run::{
    CONTEXT_TAG, DatasetInput, Experiment, Lifecycle, NewRun, Run, RunStatus, random_id,
};
pub use store::{Pages, RunQuery, Runs};
pub use time::{Timestamp, now};
