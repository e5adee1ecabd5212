//! `pet-cli runs show`

use clap::Args;
use mlflow_client::{CONTEXT_TAG, Client, Metric, Run, Timestamp};
use serde_json::{Map, Value, json};

use super::list::took;
use super::sparkline::sparkline;
use super::{Common, find};
use crate::failure::Failure;
use crate::output;

/// Show one run: parameters, data sets, and each metric with its course
#[derive(Args)]
pub(super) struct Arguments {
    /// The run's id, or the beginning of it
    run: String,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let (client, runs) = find::runs(std::slice::from_ref(&arguments.run), common)?;
    for run in &runs {
        let histories = histories(&client, run)?;
        if common.json.json {
            output::json(&as_json(run, &histories))?;
        } else {
            print(run, &histories)?;
        }
    }
    Ok(())
}

/// All points of all metrics.
fn histories(client: &Client, run: &Run) -> Result<Vec<(String, Vec<Metric>)>, Failure> {
    let histories = run.metrics.keys().map(|key| {
        let history = client.metric_history(&run.id, key)?;
        Ok((key.clone(), history))
    });
    histories.collect()
}

fn as_json(run: &Run, histories: &[(String, Vec<Metric>)]) -> Value {
    let mut value = super::json::run(run);
    let histories: Map<String, Value> = histories
        .iter()
        .map(|(key, history)| {
            let points = history
                .iter()
                .map(|point| json!({ "step": point.step, "time": point.timestamp, "value": point.value }));
            (key.clone(), points.collect())
        })
        .collect();
    value["history"] = histories.into();
    value
}

fn print(run: &Run, histories: &[(String, Vec<Metric>)]) -> Result<(), Failure> {
    let status = run.status.as_str();
    output::line(format_args!("{} {} ({status})", run.id, run.name))?;
    let start = run
        .start_time
        .as_ref()
        .map_or("-".into(), Timestamp::to_string);
    let start = start.get(..19).unwrap_or(&start);
    let user = match run.user.as_str() {
        "" => String::new(),
        user => format!(", by {user}"),
    };
    output::line(format_args!(
        "started {start} UTC, took {}{user}",
        took(run)
    ))?;
    if let Some(commit) = run.tags.get("mlflow.source.git.commit") {
        let dirty = run
            .tags
            .get("mlflow.source.git.dirty")
            .is_some_and(|dirty| dirty == "true");
        let changes = if dirty {
            " with uncommitted changes"
        } else {
            ""
        };
        output::line(format_args!("code at {commit}{changes}"))?;
    }
    for dataset in &run.datasets {
        let context = dataset.tags.get(CONTEXT_TAG).map_or("-", String::as_str);
        output::line(format_args!(
            "data set {} {} ({context})",
            dataset.name, dataset.digest
        ))?;
    }
    let keys = run.params.keys().chain(run.metrics.keys());
    let width = keys.map(|key| key.chars().count()).max().unwrap_or(0);
    output::line("parameters")?;
    for (key, value) in &run.params {
        output::line(format_args!("  {key:width$} {value}"))?;
    }
    output::line("metrics, latest")?;
    histories
        .iter()
        .try_for_each(|(key, history)| course(key, width, history))?;
    output::line(format_args!("artifacts: {}", run.artifact_uri))?;
    run.model_ids
        .iter()
        .try_for_each(|id| output::line(format_args!("model: models:/{id}")))
}

/// The last value of a metric, its extremes, and its course.
fn course(key: &str, width: usize, history: &[Metric]) -> Result<(), Failure> {
    let Some(last) = history.last() else {
        return Ok(());
    };
    let at = format!("{:.4} at epoch {}", last.value, last.step + 1);
    let values: Vec<f64> = history.iter().map(|point| point.value).collect();
    if values.len() < 2 {
        return output::line(format_args!("  {key:width$} {at}"));
    }
    let low = values.iter().copied().fold(f64::NAN, f64::min);
    let high = values.iter().copied().fold(f64::NAN, f64::max);
    output::line(format_args!(
        "  {key:width$} {at:24} {} between {low:.4} and {high:.4}",
        sparkline(&values)
    ))
}
