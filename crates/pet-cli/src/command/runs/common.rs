//! Common parts of the actions on runs.

use clap::Args;
use mlflow_client::{Client, Error, Run, RunQuery};
use serde_json::{Map, Value, json};

use crate::arguments::{EXPERIMENT, JsonArgument, TrackingArguments};
use crate::failure::Failure;
use crate::tracking;

/// Length of a complete ID.
const ID_LENGTH: usize = 32;

/// Arguments of all actions.
#[derive(Args)]
pub(super) struct Common {
    #[command(flatten)]
    pub(super) tracking: TrackingArguments,
    /// MLflow experiment
    #[arg(
        long,
        value_name = "NAME",
        default_value = EXPERIMENT,
        env = "MLFLOW_EXPERIMENT_NAME",
        global = true
    )]
    pub(super) experiment: String,
    #[command(flatten)]
    pub(super) json: JsonArgument,
}

/// Opens the store and finds runs by ID or unique prefix.
pub(super) fn find(ids: &[String], common: &Common) -> Result<(Client, Vec<Run>), Failure> {
    let client = tracking::existing(&common.tracking)?;
    let first = ids.first().map_or("", String::as_str);
    let client = client.ok_or_else(|| missing(first))?;
    let runs = ids.iter().map(|id| find_one(&client, id));
    let runs = runs.collect::<Result<_, _>>()?;
    Ok((client, runs))
}

/// Finds a run by ID or unique prefix.
pub(crate) fn find_one(client: &Client, id: &str) -> Result<Run, Failure> {
    if id.len() >= ID_LENGTH {
        return Ok(client.run(id)?);
    }
    let mut found = Vec::new();
    for experiment in client.experiments()? {
        for run in client.search_runs(&RunQuery::new(experiment.id)) {
            let run = run?;
            found.extend(Some(run).filter(|run| run.id.starts_with(id)));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(run), true) => Ok(run),
        (Some(_), false) => Err(Failure::SeveralRuns { id: id.into(), found: found.len() + 1 }),
        (None, _) => Err(missing(id)),
    }
}

fn missing(id: &str) -> Failure {
    let name = id.to_owned();
    Error::NotFound { what: "run", name }.into()
}

/// A run with the latest value of each metric.
pub(super) fn as_json(run: &Run) -> Value {
    let metrics: Map<String, Value> =
        run.metrics.iter().map(|(key, metric)| (key.clone(), json!(metric.value))).collect();
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

/// The duration of a run.
pub(super) fn duration(run: &Run) -> String {
    match (run.start_time, run.end_time) {
        (Some(start), Some(end)) => format!("{:.1} s", end.since(start).as_secs_f64()),
        _ => "-".into(),
    }
}
