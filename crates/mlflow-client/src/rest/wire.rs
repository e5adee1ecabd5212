//! The JSON of MLflow's interface.
//!
//! Empty lists and default values are left out by the server, and new fields appear with every
//! version: so everything has a default, and what is unknown is passed over.

use super::wire_dataset::{WireInputs, WireOutputs};
use crate::dataset::DatasetInput;
use crate::experiment::{Experiment, Lifecycle};
use crate::metric::Metric;
use crate::registry::{ModelVersion, RegisteredModel};
use crate::run::{Run, RunStatus};
use crate::search::Page;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A key with its value: a parameter or a tag.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Pair {
    key: String,
    value: String,
}

pub(super) fn map(pairs: Vec<Pair>) -> BTreeMap<String, String> {
    pairs
        .into_iter()
        .map(|pair| (pair.key, pair.value))
        .collect()
}

/// Pairs as the server wants them.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> Value {
    map.iter()
        .map(|(key, value)| json!({ "key": key, "value": value }))
        .collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireExperiment {
    experiment_id: String,
    name: String,
    artifact_location: String,
    lifecycle_stage: String,
    #[serde(deserialize_with = "optional_integer")]
    creation_time: Option<i64>,
    tags: Vec<Pair>,
}

impl From<WireExperiment> for Experiment {
    fn from(wire: WireExperiment) -> Self {
        Self {
            id: wire.experiment_id,
            name: wire.name,
            artifact_location: wire.artifact_location,
            lifecycle: Lifecycle::from_name(&wire.lifecycle_stage),
            creation_time: wire.creation_time,
            tags: map(wire.tags),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireMetric {
    key: String,
    #[serde(deserialize_with = "number")]
    value: f64,
    #[serde(deserialize_with = "integer")]
    timestamp: i64,
    #[serde(deserialize_with = "integer")]
    step: i64,
}

impl From<WireMetric> for Metric {
    fn from(wire: WireMetric) -> Self {
        Self::new(wire.key, wire.value, wire.timestamp, wire.step)
    }
}

/// A metric as the server wants it; JSON has no NaN, so that is a string.
pub(super) fn metric(metric: &Metric) -> Value {
    let value = metric.storable();
    let value = if value.is_nan() {
        json!("NaN")
    } else {
        json!(value)
    };
    json!({ "key": metric.key, "value": value, "timestamp": metric.timestamp, "step": metric.step })
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireRun {
    info: WireInfo,
    data: WireData,
    inputs: WireInputs,
    outputs: WireOutputs,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireInfo {
    run_id: String,
    experiment_id: String,
    run_name: String,
    user_id: String,
    status: String,
    #[serde(deserialize_with = "optional_integer")]
    start_time: Option<i64>,
    #[serde(deserialize_with = "optional_integer")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireData {
    metrics: Vec<WireMetric>,
    params: Vec<Pair>,
    tags: Vec<Pair>,
}

impl From<WireRun> for Run {
    fn from(wire: WireRun) -> Self {
        let WireRun {
            info,
            data,
            inputs,
            outputs,
        } = wire;
        let metrics = data.metrics.into_iter().map(Metric::from);
        Self {
            id: info.run_id,
            experiment_id: info.experiment_id,
            name: info.run_name,
            user: info.user_id,
            // The default value of the field is left out.
            status: info.status.parse().unwrap_or(RunStatus::Running),
            start_time: info.start_time,
            end_time: info.end_time.filter(|time| *time != 0),
            artifact_uri: info.artifact_uri,
            lifecycle: Lifecycle::from_name(&info.lifecycle_stage),
            metrics: metrics.map(|metric| (metric.key.clone(), metric)).collect(),
            params: map(data.params),
            tags: map(data.tags),
            datasets: inputs
                .dataset_inputs
                .into_iter()
                .map(DatasetInput::from)
                .collect(),
            model_ids: outputs
                .model_outputs
                .into_iter()
                .map(|output| output.model_id)
                .collect(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireAlias {
    alias: String,
    #[serde(deserialize_with = "integer")]
    version: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireModel {
    name: String,
    #[serde(deserialize_with = "integer")]
    creation_timestamp: i64,
    #[serde(deserialize_with = "integer")]
    last_updated_timestamp: i64,
    description: String,
    tags: Vec<Pair>,
    aliases: Vec<WireAlias>,
}

impl From<WireModel> for RegisteredModel {
    fn from(wire: WireModel) -> Self {
        let aliases = wire.aliases.into_iter();
        Self {
            name: wire.name,
            creation_time: wire.creation_timestamp,
            last_updated_time: wire.last_updated_timestamp,
            description: wire.description,
            tags: map(wire.tags),
            aliases: aliases
                .filter_map(|alias| Some((alias.alias, u32::try_from(alias.version).ok()?)))
                .collect(),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireVersion {
    name: String,
    #[serde(deserialize_with = "integer")]
    version: i64,
    #[serde(deserialize_with = "integer")]
    creation_timestamp: i64,
    #[serde(deserialize_with = "integer")]
    last_updated_timestamp: i64,
    description: String,
    source: String,
    run_id: Option<String>,
    status: String,
    tags: Vec<Pair>,
    aliases: Vec<String>,
}

impl From<WireVersion> for ModelVersion {
    fn from(wire: WireVersion) -> Self {
        Self {
            name: wire.name,
            version: u32::try_from(wire.version).unwrap_or_default(),
            creation_time: wire.creation_timestamp,
            last_updated_time: wire.last_updated_timestamp,
            description: wire.description,
            source: wire.source,
            run_id: wire.run_id.filter(|id| !id.is_empty()),
            status: wire.status,
            tags: map(wire.tags),
            aliases: wire.aliases,
        }
    }
}

/// A page of a listing; an empty mark of the next page is none.
pub(super) fn page<W, T: From<W>>(items: Vec<W>, next: Option<String>) -> Page<T> {
    Page {
        items: items.into_iter().map(T::from).collect(),
        next: next.filter(|token| !token.is_empty()),
    }
}

/// Protocol buffers write 64-bit integers as strings or as numbers; both are read.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Integer(i64),
    Float(f64),
    Text(String),
}

fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(optional_integer(deserializer)?.unwrap_or_default())
}

fn optional_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    match Option::<Number>::deserialize(deserializer)? {
        None => Ok(None),
        Some(Number::Integer(value)) => Ok(Some(value)),
        Some(Number::Float(value)) => Ok(Some(value as i64)),
        Some(Number::Text(text)) => text.parse().map(Some).map_err(serde::de::Error::custom),
    }
}

/// NaN and the infinities come as strings.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    match Number::deserialize(deserializer)? {
        Number::Integer(value) => Ok(value as f64),
        Number::Float(value) => Ok(value),
        Number::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}
