//! `pet-cli runs list`

use clap::Args;
use mlflow_client::{Run, RunQuery};
use serde_json::Value;

use super::{Common, json};
use crate::failure::Failure;
use crate::tracking::SHORT_ID;
use crate::{output, tracking};

/// List runs, the latest first
#[derive(Args)]
pub(super) struct Arguments {
    /// MLflow's filter expression
    #[arg(long, value_name = "EXPRESSION", default_value = "")]
    filter: String,
    /// MLflow's order clause; may be given several times
    #[arg(long, value_name = "CLAUSE")]
    order_by: Vec<String>,
    /// List no more than this many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let runs = find(arguments, common)?;
    if common.json.json {
        return output::json(&runs.iter().map(json::run).collect::<Vec<Value>>());
    }
    if runs.is_empty() {
        return output::line("no runs");
    }
    output::line(format_args!(
        "{:SHORT_ID$} {:28} {:9} {:>9} {:>9} {:>9}",
        "run", "name", "status", "took", "val_acc", "val_loss"
    ))?;
    runs.iter().try_for_each(|run| {
        output::line(format_args!(
            "{:SHORT_ID$.SHORT_ID$} {:28.28} {:9} {:>9} {:>9} {:>9}",
            run.id,
            run.name,
            run.status.as_str(),
            took(run),
            metric(run, "best_val_acc", "val_acc"),
            metric(run, "best_val_loss", "val_loss")
        ))
    })
}

fn find(arguments: &Arguments, common: &Common) -> Result<Vec<Run>, Failure> {
    let Some(client) = tracking::existing(&common.tracking)? else {
        return Ok(Vec::new());
    };
    let Some(experiment) = client.find_experiment(&common.experiment)? else {
        return Ok(Vec::new());
    };
    let query = RunQuery::new(&experiment.id).filter(&arguments.filter);
    let query = arguments.order_by.iter().fold(query, RunQuery::order_by);
    let runs = client.search_runs(&query);
    let runs = runs.take(arguments.limit.unwrap_or(usize::MAX));
    Ok(runs.collect::<Result<_, _>>()?)
}

/// How long a run took, in seconds.
pub(super) fn took(run: &Run) -> String {
    match (run.start_time, run.end_time) {
        (Some(start), Some(end)) => format!("{:.1} s", end.since(start).as_secs_f64()),
        _ => "-".into(),
    }
}

/// The first of two metrics that the run has.
fn metric(run: &Run, first: &str, second: &str) -> String {
    let metric = run.metrics.get(first).or_else(|| run.metrics.get(second));
    metric.map_or("-".into(), |metric| format!("{:.4}", metric.value))
}
