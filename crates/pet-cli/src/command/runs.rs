//! `pet-cli runs`

use clap::{Args, Subcommand};
use mlflow_client::{Client, Run, RunQuery};
use serde_json::{Value, json};

use crate::arguments::{JsonArgument, TrackingArguments};
use crate::failure::Failure;
use crate::{output, workspace};

/// Show the recorded runs
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli runs list --filter \"metrics.val_acc > 0.9\" --order-by \"metrics.val_acc DESC\"
  pet-cli runs show 2eb35f0c")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    tracking: TrackingArguments,
    /// MLflow experiment
    #[arg(
        long,
        value_name = "NAME",
        default_value = "OxfordPetExperiment",
        env = "MLFLOW_EXPERIMENT_NAME",
        global = true
    )]
    experiment: String,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Subcommand)]
enum Action {
    /// List runs, the latest first
    List {
        /// MLflow's filter expression
        #[arg(long, value_name = "EXPRESSION", default_value = "")]
        filter: String,
        /// MLflow's order clause; may be given several times
        #[arg(long, value_name = "CLAUSE")]
        order_by: Vec<String>,
    },
    /// Show one run with its parameters and metrics
    Show {
        /// The run's id
        run: String,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (client, _) = workspace::tracking(&arguments.tracking)?;
    match &arguments.action {
        Action::List { filter, order_by } => list(&client, arguments, filter, order_by),
        Action::Show { run } => show(&client.run(run)?, arguments.json.json),
    }
}

fn list(
    client: &Client,
    arguments: &Arguments,
    filter: &str,
    order_by: &[String],
) -> Result<(), Failure> {
    let Some(experiment) = client.find_experiment(&arguments.experiment)? else {
        return if arguments.json.json {
            output::json(&Vec::<Value>::new())
        } else {
            output::line("no runs")
        };
    };
    let query = RunQuery::new(&experiment.id).filter(filter);
    let query = order_by.iter().fold(query, RunQuery::order_by);
    let runs = client.search_runs(&query).collect::<Result<Vec<_>, _>>()?;
    if arguments.json.json {
        return output::json(&runs.iter().map(as_json).collect::<Vec<_>>());
    }
    output::line(format_args!(
        "{:32} {:28} {:9} {:>9} {:>9}",
        "run", "name", "status", "val_acc", "val_loss"
    ))?;
    runs.iter().try_for_each(|run| {
        output::line(format_args!(
            "{:32} {:28} {:9} {:>9} {:>9}",
            run.id,
            run.name,
            run.status.as_str(),
            metric(run, "val_acc"),
            metric(run, "val_loss")
        ))
    })
}

fn show(run: &Run, json: bool) -> Result<(), Failure> {
    if json {
        return output::json(&as_json(run));
    }
    output::line(format_args!(
        "{} {} ({})",
        run.id,
        run.name,
        run.status.as_str()
    ))?;
    output::line("parameters")?;
    for (key, value) in &run.params {
        output::line(format_args!("  {key:16} {value}"))?;
    }
    output::line("metrics, latest")?;
    for (key, metric) in &run.metrics {
        output::line(format_args!(
            "  {key:16} {:.4} at epoch {}",
            metric.value,
            metric.step + 1
        ))?;
    }
    output::line(format_args!("artifacts: {}", run.artifact_uri))
}

fn metric(run: &Run, key: &str) -> String {
    run.metrics
        .get(key)
        .map_or("-".into(), |metric| format!("{:.4}", metric.value))
}

fn as_json(run: &Run) -> Value {
    let metrics: serde_json::Map<String, Value> = run
        .metrics
        .iter()
        .map(|(key, metric)| (key.clone(), json!(metric.value)))
        .collect();
    json!({
        "run_id": run.id,
        "name": run.name,
        "status": run.status.as_str(),
        "start_time": run.start_time,
        "end_time": run.end_time,
        "params": run.params,
        "metrics": metrics,
        "tags": run.tags,
        "artifact_uri": run.artifact_uri,
    })
}
