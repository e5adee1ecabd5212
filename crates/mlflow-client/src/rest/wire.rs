//! The JSON of MLflow's interface, where it differs from this crate's types.
//!
//! Empty lists and default values are left out by the server, and new fields appear with every
//! version: everything has a default, and unknown fields are ignored.

use crate::batch::Metric;
use crate::dataset::DatasetInput;
use crate::json;
use crate::registry::LoggedModel;
use crate::run::{Lifecycle, Run, RunStatus};
use crate::time::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Pairs in the form the server expects.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> Value {
    map.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// A data set with its tags in the form the server expects.
pub(super) fn dataset(input: &DatasetInput) -> Value {
    let mut dataset = json!(input);
    if let Some(fields) = dataset.as_object_mut() {
        fields.remove("tags");
    }
    json!({ "dataset": dataset, "tags": pairs(&input.tags) })
}

#[derive(Deserialize)]
pub(super) struct WireLoggedModel {
    pub(super) info: LoggedModel,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct WireRun {
    info: Info,
    data: Data,
    inputs: Inputs,
    outputs: Outputs,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Info {
    run_id: String,
    experiment_id: String,
    run_name: String,
    user_id: String,
    status: String,
    start_time: Option<Timestamp>,
    end_time: Option<Timestamp>,
    artifact_uri: String,
    lifecycle_stage: Lifecycle,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Data {
    metrics: Vec<Metric>,
    #[serde(deserialize_with = "json::pairs")]
    params: BTreeMap<String, String>,
    #[serde(deserialize_with = "json::pairs")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Inputs {
    dataset_inputs: Vec<Input>,
}

#[derive(Deserialize)]
struct Input {
    dataset: DatasetInput,
    #[serde(default, deserialize_with = "json::pairs")]
    tags: BTreeMap<String, String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Outputs {
    model_outputs: Vec<Output>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Output {
    model_id: String,
}

impl From<WireRun> for Run {
    fn from(WireRun { info, data, inputs, outputs }: WireRun) -> Self {
        let metrics = data.metrics.into_iter().map(|metric| (metric.key.clone(), metric));
        let datasets = inputs.dataset_inputs.into_iter();
        Self {
            id: info.run_id,
            experiment_id: info.experiment_id,
            name: info.run_name,
            user: info.user_id,
            // The default value of the field is left out.
            status: info.status.parse().unwrap_or(RunStatus::Running),
            start_time: info.start_time,
            end_time: info.end_time.filter(|time| time.as_millis() != 0),
            artifact_uri: info.artifact_uri,
            lifecycle: info.lifecycle_stage,
            metrics: metrics.collect(),
            params: data.params,
            tags: data.tags,
            datasets: datasets
                .map(|input| DatasetInput { tags: input.tags, ..input.dataset })
                .collect(),
            model_ids: outputs.model_outputs.into_iter().map(|output| output.model_id).collect(),
        }
    }
}
