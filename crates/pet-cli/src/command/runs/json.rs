//! Runs for programs.

use mlflow_client::Run;
use serde_json::{Map, Value, json};

/// A run with the latest value of each metric.
pub(super) fn run(run: &Run) -> Value {
    let metrics: Map<String, Value> = run
        .metrics
        .iter()
        .map(|(key, metric)| (key.clone(), json!(metric.value)))
        .collect();
    let datasets: Vec<Value> = run
        .datasets
        .iter()
        .map(|dataset| {
            json!({ "name": dataset.name, "digest": dataset.digest, "tags": dataset.tags })
        })
        .collect();
    json!({
        "run_id": run.id,
        "name": run.name,
        "user": run.user,
        "status": run.status.as_str(),
        "start_time": run.start_time,
        "end_time": run.end_time,
        "params": run.params,
        "metrics": metrics,
        "tags": run.tags,
        "datasets": datasets,
        "model_ids": run.model_ids,
        "artifact_uri": run.artifact_uri,
    })
}
