//! A recorded run: found by its ID, as JSON, and with the course of its metrics.

use std::collections::BTreeMap;

use mlflow_client::{CONTEXT_TAG, Client, Error, Metric, Run};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::tracking::TrackingArguments;
use crate::{output, table};

/// Prefix of metrics whose steps are not epochs.
const SYSTEM: &str = "system/";

/// Maximum width of a sparkline.
const WIDTH: usize = 40;

/// From the lowest to the highest value.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// For values that are not finite.
const GAP: char = '·';

/// All points of each metric.
type Histories = BTreeMap<String, Vec<Metric>>;

/// Opens the store and finds runs by ID or unique prefix.
pub(super) fn find(
    ids: &[String],
    tracking: &TrackingArguments,
) -> Result<(Client, Vec<Run>), Failure> {
    let first = ids.first().map_or("", String::as_str);
    let missing = || Error::NotFound { what: "run", name: first.to_owned() };
    let client = tracking.existing()?.ok_or_else(missing)?;
    let runs = ids.iter().map(|id| client.find_run(id)).collect::<Result<_, _>>()?;
    Ok((client, runs))
}

/// A run with the latest value of each metric.
pub(super) fn as_json(run: &Run) -> Value {
    let metrics = run.metrics.iter().map(|(key, metric)| (key.clone(), json!(metric.value)));
    let datasets = run.datasets.iter().map(
        |dataset| json!({ "name": dataset.name, "digest": dataset.digest, "tags": dataset.tags }),
    );
    json!({
        "run_id": run.id,
        "name": run.name,
        "user": run.user,
        "status": run.status.as_str(),
        "start_time": run.start_time,
        "end_time": run.end_time,
        "params": run.params,
        "metrics": metrics.collect::<Map<_, _>>(),
        "tags": run.tags,
        "datasets": datasets.collect::<Vec<_>>(),
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

/// All points of all metrics.
pub(super) fn histories(client: &Client, run: &Run) -> Result<Histories, Failure> {
    let history = |key: &String| Ok((key.clone(), client.metric_history(&run.id, key)?));
    run.metrics.keys().map(history).collect()
}

/// A run with all its points.
pub(super) fn with_histories(run: &Run, histories: &Histories) -> Value {
    let mut value = as_json(run);
    for (key, points) in histories {
        let points = points.iter().map(
            |point| json!({ "step": point.step, "time": point.timestamp, "value": point.value }),
        );
        value["history"][key] = points.collect();
    }
    value
}

/// Prints a run with the course of its metrics.
pub(super) fn print(run: &Run, histories: &Histories) -> Result<(), Failure> {
    let status = run.status.as_str();
    output::line(format_args!("{} {} ({status})", run.id, run.name))?;
    let start = table::optional(run.start_time.map(table::short_time));
    let user = match run.user.as_str() {
        "" => String::new(),
        user => format!(", by {user}"),
    };
    output::line(format_args!("started {start} UTC, took {}{user}", duration(run)))?;
    if let Some(commit) = run.tags.get("mlflow.source.git.commit") {
        let dirty = run.tags.get("mlflow.source.git.dirty").is_some_and(|dirty| dirty == "true");
        let changes = if dirty { " with uncommitted changes" } else { "" };
        output::line(format_args!("code at {commit}{changes}"))?;
    }
    for dataset in &run.datasets {
        let context = dataset.tags.get(CONTEXT_TAG).map_or("-", String::as_str);
        output::line(format_args!("data set {} {} ({context})", dataset.name, dataset.digest))?;
    }
    let keys = run.params.keys().chain(run.metrics.keys());
    let width = keys.map(|key| key.chars().count()).max().unwrap_or(0);
    output::line("parameters")?;
    for (key, value) in &run.params {
        output::line(format_args!("  {key:width$} {value}"))?;
    }
    output::line("metrics, latest")?;
    histories.iter().try_for_each(|(key, history)| print_metric(key, width, history))?;
    output::line(format_args!("artifacts: {}", run.artifact_uri))?;
    run.model_ids.iter().try_for_each(|id| output::line(format_args!("model: models:/{id}")))
}

/// The last value of a metric, its extremes, and its course.
fn print_metric(key: &str, width: usize, history: &[Metric]) -> Result<(), Failure> {
    let Some(last) = history.last() else {
        return Ok(());
    };
    let number = |value| table::number(Some(value));
    let unit = if key.starts_with(SYSTEM) { "sample" } else { "epoch" };
    let at = format!("{} at {unit} {}", number(last.value), last.step + 1);
    let values: Vec<f64> = history.iter().map(|point| point.value).collect();
    if values.len() < 2 {
        return output::line(format_args!("  {key:width$} {at}"));
    }
    let low = values.iter().copied().fold(f64::NAN, f64::min);
    let high = values.iter().copied().fold(f64::NAN, f64::max);
    output::line(format_args!(
        "  {key:width$} {at:24} {} between {} and {}",
        sparkline(&values),
        number(low),
        number(high)
    ))
}

/// Draws values as bars; with more than [`WIDTH`] values, each bar is the mean of several.
fn sparkline(values: &[f64]) -> String {
    let values = condensed(values);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().fold(f64::INFINITY, f64::min);
    let high = finite().fold(f64::NEG_INFINITY, f64::max);
    let bar = |value: f64| {
        if !value.is_finite() {
            return GAP;
        }
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        let index = (share * (BARS.len() - 1) as f64).round() as usize;
        BARS.get(index).copied().unwrap_or(GAP)
    };
    values.into_iter().map(bar).collect()
}

fn condensed(values: &[f64]) -> Vec<f64> {
    if values.len() <= WIDTH {
        return values.to_vec();
    }
    let part = |index: usize| {
        let (start, end) = (index * values.len() / WIDTH, (index + 1) * values.len() / WIDTH);
        let part = values.get(start..end).unwrap_or_default();
        part.iter().sum::<f64>() / part.len().max(1) as f64
    };
    (0..WIDTH).map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sparklines_range_from_the_lowest_to_the_highest_value() {
        assert_eq!(sparkline(&[0.0, 0.5, 1.0]), "▁▅█");
        assert_eq!(sparkline(&[3.0, 3.0]), "▅▅");
        assert_eq!(sparkline(&[1.0, f64::NAN, 2.0]), "▁·█");
        assert_eq!(sparkline(&[]), "");
    }

    #[test]
    fn sparklines_have_a_maximum_width() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        let line = sparkline(&values);
        assert_eq!(line.chars().count(), WIDTH);
        assert!(line.starts_with('▁') && line.ends_with('█'));
    }
}
