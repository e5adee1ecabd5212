//! `pet-cli runs compare`

use std::collections::BTreeSet;

use clap::Args;
use mlflow_client::Run;
use serde_json::Value;

use super::{Common, find, json};
use crate::failure::Failure;
use crate::output;

/// Widest cell of the table.
const WIDEST: usize = 28;

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
    row("", runs.iter().map(|run| short(&run.id, 8)))?;
    row("name", runs.iter().map(|run| run.name.clone()))?;
    row("status", runs.iter().map(|run| run.status.to_string()))?;
    for key in keys(&runs, |run| run.params.keys()) {
        let values: Vec<_> = runs.iter().map(|run| run.params.get(key)).collect();
        let equal = values.iter().all(|value| Some(value) == values.first());
        if arguments.all || !equal {
            let shown = values.into_iter();
            row(key, shown.map(|value| value.cloned().unwrap_or("-".into())))?;
        }
    }
    for key in keys(&runs, |run| run.metrics.keys()) {
        let values = runs.iter().map(|run| run.metrics.get(key));
        row(
            key,
            values.map(|value| value.map_or("-".into(), |metric| format!("{:.4}", metric.value))),
        )?;
    }
    Ok(())
}

/// The keys that any of the runs has.
fn keys<'a, Keys: Iterator<Item = &'a String>>(
    runs: &'a [Run],
    of: impl Fn(&'a Run) -> Keys,
) -> BTreeSet<&'a String> {
    runs.iter().flat_map(of).collect()
}

fn row(head: &str, cells: impl Iterator<Item = String>) -> Result<(), Failure> {
    let cells = cells.map(|cell| format!("{:>WIDEST$}", short(&cell, WIDEST)));
    let cells: Vec<String> = cells.collect();
    output::line(format_args!("{head:16} {}", cells.join(" ")))
}

fn short(text: &str, longest: usize) -> String {
    text.chars().take(longest).collect()
}
