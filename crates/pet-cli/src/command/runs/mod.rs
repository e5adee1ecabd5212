//! `pet-cli runs`

mod record;

use std::collections::BTreeSet;
use std::iter::once;
use std::path::PathBuf;
use std::slice::from_ref;

use clap::{Args, Subcommand};
use mlflow_client::spool::{PendingRun, Sent};
use mlflow_client::{ArtifactFile, Client, Run, RunQuery};
use pet_model::{BEST_VAL_ACC, VAL_ACC};
use pet_pipeline::{Context, InterruptedRun, trained_on};
use serde_json::{Value, json};

use self::record::{as_json, duration, find};
use crate::arguments::{CacheArgument, JsonArgument};
use crate::failure::Failure;
use crate::table::short_id;
use crate::tracking::{EXPERIMENT, TrackingArguments};
use crate::{output, table};

/// Inspect recorded runs, and send those that are waiting
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli runs list --filter \"metrics.val_acc > 0.9\" --order-by \"metrics.val_acc DESC\"
  pet-cli runs show 2eb35f0c
  pet-cli runs compare 2eb35f0c 81d02ca1
  pet-cli runs artifacts 2eb35f0c --download run
  pet-cli runs sync

Runs are given by their ID or its first characters. Filters and orders use MLflow's syntax.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

#[derive(Subcommand)]
enum Action {
    List(ListArguments),
    Show(ShowArguments),
    Compare(CompareArguments),
    Artifacts(ArtifactsArguments),
    Sync(SyncArguments),
}

/// Arguments of all actions.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    tracking: TrackingArguments,
    /// MLflow experiment
    #[arg(
        long,
        value_name = "NAME",
        default_value = EXPERIMENT,
        env = "MLFLOW_EXPERIMENT_NAME",
        global = true
    )]
    experiment: String,
    #[command(flatten)]
    json: JsonArgument,
}

/// List runs, latest first
#[derive(Args)]
struct ListArguments {
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

/// Show one run: parameters, data sets, and the history of each metric
#[derive(Args)]
struct ShowArguments {
    /// The run's ID, or its first characters
    run: String,
}

/// Compare runs side by side: parameters that differ, and all metrics
#[derive(Args)]
struct CompareArguments {
    /// The runs' IDs, or their first characters
    #[arg(num_args = 2.., required = true)]
    runs: Vec<String>,
    /// Also show the parameters that are equal
    #[arg(long)]
    all: bool,
}

/// List the files of a run, or download them
#[derive(Args)]
struct ArtifactsArguments {
    /// The run's ID, or its first characters
    run: String,
    /// Download all files into this folder
    #[arg(long, value_name = "DIR")]
    download: Option<PathBuf>,
}

/// Send runs that could not be sent because the tracking server was unreachable
///
/// Each run is sent to the server it was meant for, unless `--tracking-uri` names another. Data that has arrived is not
/// sent again; data that cannot be sent stays in the spool.
#[derive(Args)]
struct SyncArguments {
    #[command(flatten)]
    cache: CacheArgument,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    match &arguments.action {
        Action::List(arguments) => list(arguments, common),
        Action::Show(arguments) => show(arguments, common),
        Action::Compare(arguments) => compare(arguments, common),
        Action::Artifacts(arguments) => artifacts(arguments, common),
        Action::Sync(arguments) => sync(arguments, common),
    }
}

fn list(arguments: &ListArguments, common: &Common) -> Result<(), Failure> {
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
    let heads = ["run", "status", ">took", ">val_acc", "data set", "name"];
    table::print(&heads, runs.iter().map(row))?;
    let ids = runs.iter().filter(|run| resumable(run)).map(|run| short_id(&run.id));
    let ids: Vec<&str> = ids.collect();
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
    let Some(client) = common.tracking.existing()? else {
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

fn show(arguments: &ShowArguments, common: &Common) -> Result<(), Failure> {
    let (client, runs) = find(from_ref(&arguments.run), &common.tracking)?;
    for run in &runs {
        let histories = record::histories(&client, run)?;
        if common.json.json {
            output::json(&record::with_histories(run, &histories))?;
        } else {
            record::print(run, &histories)?;
        }
    }
    Ok(())
}

fn compare(arguments: &CompareArguments, common: &Common) -> Result<(), Failure> {
    let (_, runs) = find(&arguments.runs, &common.tracking)?;
    if common.json.json {
        return output::json(&runs.iter().map(as_json).collect::<Vec<Value>>());
    }
    // Names are too long for the table.
    for run in &runs {
        output::line(format_args!("{}  {}", short_id(&run.id), run.name))?;
    }
    output::line("")?;
    let ids: Vec<String> = runs.iter().map(|run| format!(">{}", short_id(&run.id))).collect();
    let heads: Vec<&str> = once("").chain(ids.iter().map(String::as_str)).collect();
    table::print(&heads, rows(&runs, arguments.all))
}

/// The rows of the table, with a heading and a cell for each run.
fn rows(runs: &[Run], all: bool) -> Vec<Vec<String>> {
    let row = |head: &str, cells: Vec<String>| once(head.to_owned()).chain(cells).collect();
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

fn artifacts(arguments: &ArtifactsArguments, common: &Common) -> Result<(), Failure> {
    let (client, runs) = find(from_ref(&arguments.run), &common.tracking)?;
    for run in runs {
        let artifacts = client.artifacts(&run.artifact_uri)?;
        let files = artifacts.list_all("")?;
        if let Some(folder) = &arguments.download {
            artifacts.download_folder("", folder)?;
        }
        print_files(&files, common.json.json)?;
    }
    Ok(())
}

fn print_files(files: &[ArtifactFile], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |file: &ArtifactFile| json!({ "path": file.path, "bytes": file.size });
        return output::json(&files.iter().map(entry).collect::<Vec<Value>>());
    }
    files.iter().try_for_each(|file| {
        let size = table::optional(file.size);
        output::line(format_args!("{size:>12} {}", file.path))
    })
}

fn sync(arguments: &SyncArguments, common: &Common) -> Result<(), Failure> {
    let pending = Context::spool(&arguments.cache.folder()).pending()?;
    let all = pending.len();
    let mut sent = Vec::new();
    for run in pending {
        let name = run.name().to_owned();
        match send(run, common) {
            Ok(one) => sent.push((name, one)),
            Err(failure) => output::describe(&failure),
        }
    }
    print_sent(&sent, common.json.json)?;
    if sent.len() < all {
        let failed = all - sent.len();
        return Err(Failure::Unsent { failed, all });
    }
    Ok(())
}

fn send(run: PendingRun, common: &Common) -> Result<Sent, Failure> {
    let given = common.tracking.tracking_uri.clone();
    let tracking_uri = given.or_else(|| Some(run.tracking_uri().to_owned()));
    let client = Client::open(&TrackingArguments { tracking_uri }.config()?)?;
    client.check()?;
    Ok(run.send(&client)?)
}

fn print_sent(sent: &[(String, Sent)], json: bool) -> Result<(), Failure> {
    if json {
        let entry = |(name, sent): &(String, Sent)| {
            let versions: Vec<u32> = sent.versions.iter().map(|version| version.version).collect();
            json!({ "name": name, "run_id": sent.run_id, "entries": sent.entries, "versions": versions })
        };
        return output::json(&sent.iter().map(entry).collect::<Vec<Value>>());
    }
    if sent.is_empty() {
        return output::line("nothing is waiting to be sent");
    }
    sent.iter().try_for_each(|(name, sent)| {
        output::line(format_args!("{} {name}: {} entries sent", sent.run_id, sent.entries))?;
        sent.versions.iter().try_for_each(|version| {
            output::line(format_args!("  version {} of `{}`", version.version, version.name))
        })
    })
}
