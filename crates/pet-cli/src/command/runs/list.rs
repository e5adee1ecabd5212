//! `pet-cli runs list` and `pet-cli runs compare`

use std::collections::BTreeSet;

use clap::Args;
use mlflow_client::{Run, RunQuery};
use pet_model::{BEST_VAL_ACC, VAL_ACC};
use pet_pipeline::{InterruptedRun, trained_on};
use serde_json::Value;

use super::common::{Common, as_json, duration, find};
use crate::arguments::CacheArgument;
use crate::failure::Failure;
use crate::tracking::short_id;
use crate::{output, table, tracking};

/// List runs, latest first
#[derive(Args)]
pub(super) struct ListArguments {
    /// MLflow's filter expression
    #[arg(long, value_name = "EXPRESSION", default_value = "")]
    filter: String,
    /// MLflow's order clause; can be repeated
    #[arg(long, value_name = "CLAUSE")]
    order_by: Vec<String>,
    /// Maximum number of runs
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
    #[command(flatten)]
    cache: CacheArgument,
}

/// Compare runs side by side: parameters that differ, and all metrics
#[derive(Args)]
pub(super) struct CompareArguments {
    /// The runs' IDs, or their first characters
    #[arg(num_args = 2.., required = true)]
    runs: Vec<String>,
    /// Also show the parameters that are equal
    #[arg(long)]
    all: bool,
}

pub(super) fn list(arguments: &ListArguments, common: &Common) -> Result<(), Failure> {
    let runs = search(arguments, common)?;
    let resumable = InterruptedRun::ids(&arguments.cache.folder())?;
    let resumable = |run: &Run| resumable.contains(&run.id);
    if common.json.json {
        let described = |run: &Run| {
            let mut value = as_json(run);
            value["resumable"] = resumable(run).into();
            value
        };
        return output::json(&runs.iter().map(described).collect::<Vec<Value>>());
    }
    if runs.is_empty() {
        return output::line("no runs");
    }
    // Names are long, so they come last.
    let rows: Vec<_> = runs.iter().map(row).collect();
    let heads = ["run", "status", ">took", ">val_acc", "data set", "name"];
    table::print(&heads, &rows)?;
    let ids: Vec<&str> =
        runs.iter().filter(|run| resumable(run)).map(|run| short_id(&run.id)).collect();
    if ids.is_empty() {
        return Ok(());
    }
    output::line(format_args!("\n`pet-cli train --resume RUN` continues these: {}", ids.join(", ")))
}

fn row(run: &Run) -> Vec<String> {
    let metric = |best: &str, last: &str| {
        let metric = run.metrics.get(best).or_else(|| run.metrics.get(last));
        table::number(metric.map(|metric| metric.value))
    };
    vec![
        short_id(&run.id).into(),
        run.status.to_string(),
        duration(run),
        metric(BEST_VAL_ACC, VAL_ACC),
        table::optional(trained_on(run).map(|data| data.short())),
        run.name.clone(),
    ]
}

fn search(arguments: &ListArguments, common: &Common) -> Result<Vec<Run>, Failure> {
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

pub(super) fn compare(arguments: &CompareArguments, common: &Common) -> Result<(), Failure> {
    let (_, runs) = find(&arguments.runs, common)?;
    if common.json.json {
        return output::json(&runs.iter().map(as_json).collect::<Vec<Value>>());
    }
    // Names are too long for the table.
    for run in &runs {
        output::line(format_args!("{}  {}", short_id(&run.id), run.name))?;
    }
    output::line("")?;
    let ids: Vec<String> = runs.iter().map(|run| format!(">{}", short_id(&run.id))).collect();
    let heads: Vec<&str> = std::iter::once("").chain(ids.iter().map(String::as_str)).collect();
    table::print(&heads, &rows(&runs, arguments.all))
}

/// The rows of the table, with a heading and a cell for each run.
fn rows(runs: &[Run], all: bool) -> Vec<Vec<String>> {
    let row = |head: &str, cells: Vec<String>| {
        let head = std::iter::once(head.to_owned());
        head.chain(cells).collect()
    };
    let statuses = runs.iter().map(|run| run.status.to_string());
    let mut rows = vec![row("status", statuses.collect())];
    for key in keys(runs, |run| run.params.keys()) {
        let values: Vec<_> = runs.iter().map(|run| run.params.get(key)).collect();
        let equal = values.iter().all(|value| Some(value) == values.first());
        if all || !equal {
            rows.push(row(key, values.into_iter().map(table::optional).collect()));
        }
    }
    for key in keys(runs, |run| run.metrics.keys()) {
        let metrics = runs.iter().map(|run| run.metrics.get(key));
        let cells = metrics.map(|metric| table::number(metric.map(|metric| metric.value)));
        rows.push(row(key, cells.collect()));
    }
    rows
}

/// The keys of all runs.
fn keys<'a, Keys: Iterator<Item = &'a String>>(
    runs: &'a [Run],
    of: impl Fn(&'a Run) -> Keys,
) -> BTreeSet<&'a String> {
    runs.iter().flat_map(of).collect()
}
