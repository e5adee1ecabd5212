//! `pet-cli runs compare`

use std::collections::BTreeSet;

use clap::Args;
use mlflow_client::Run;
use serde_json::Value;

use super::{Common, find, json};
use crate::failure::Failure;
use crate::output;
use crate::tracking::SHORT_ID;

/// Compare runs side by side: the parameters in which they differ, and all metrics
#[derive(Args)]
pub(super) struct Arguments {
    /// The runs' ids, or the beginnings of them
    #[arg(num_args = 2.., required = true)]
    runs: Vec<String>,
    /// Show the parameters that are equal, too
    #[arg(long)]
    all: bool,
}

pub(super) fn run(arguments: &Arguments, common: &Common) -> Result<(), Failure> {
    let (_, runs) = find::runs(&arguments.runs, common)?;
    if common.json.json {
        return output::json(&runs.iter().map(json::run).collect::<Vec<Value>>());
    }
    // Names are long, so they stand above the table, whole.
    for run in &runs {
        output::line(format_args!("{}  {}", short(&run.id), run.name))?;
    }
    output::line("")?;
    print(&rows(&runs, arguments.all))
}

/// The lines of the table: a heading, and a cell for each run.
fn rows(runs: &[Run], all: bool) -> Vec<(&str, Vec<String>)> {
    let ids = runs.iter().map(|run| short(&run.id).to_owned());
    let statuses = runs.iter().map(|run| run.status.to_string());
    let mut rows = vec![("", ids.collect()), ("status", statuses.collect())];
    for key in keys(runs, |run| run.params.keys()) {
        let values: Vec<_> = runs.iter().map(|run| run.params.get(key)).collect();
        let equal = values.iter().all(|value| Some(value) == values.first());
        if all || !equal {
            let cell = |value: Option<&String>| value.cloned().unwrap_or("-".into());
            rows.push((key, values.into_iter().map(cell).collect()));
        }
    }
    for key in keys(runs, |run| run.metrics.keys()) {
        let metrics = runs.iter().map(|run| run.metrics.get(key));
        let cells = metrics
            .map(|metric| metric.map_or("-".into(), |metric| format!("{:.4}", metric.value)));
        rows.push((key, cells.collect()));
    }
    rows
}

/// Prints the table with columns as wide as they need be.
fn print(rows: &[(&str, Vec<String>)]) -> Result<(), Failure> {
    let length = |text: &str| text.chars().count();
    let head = rows.iter().map(|(head, _)| length(head)).max().unwrap_or(0);
    let cells = || rows.iter().flat_map(|(_, cells)| cells);
    let width = cells().map(|cell| length(cell)).max().unwrap_or(0);
    rows.iter().try_for_each(|(name, cells)| {
        let cells = cells.iter().map(|cell| format!("  {cell:>width$}"));
        output::line(format_args!("{name:head$}{}", cells.collect::<String>()))
    })
}

/// The keys that any of the runs has.
fn keys<'a, Keys: Iterator<Item = &'a String>>(
    runs: &'a [Run],
    of: impl Fn(&'a Run) -> Keys,
) -> BTreeSet<&'a String> {
    runs.iter().flat_map(of).collect()
}

/// The beginning of an id, as `runs list` has it.
fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}
