//! `pet-cli runs`

mod artifacts;
mod compare;
mod find;
mod json;
mod list;
mod show;
mod sparkline;
mod sync;

use clap::{Args, Subcommand};

use crate::arguments::{JsonArgument, TrackingArguments};
use crate::failure::Failure;

/// Look at the recorded runs, and send those that could not be
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli runs list --filter \"metrics.val_acc > 0.9\" --order-by \"metrics.val_acc DESC\"
  pet-cli runs show 2eb35f0c
  pet-cli runs compare 2eb35f0c 81d02ca1
  pet-cli runs artifacts 2eb35f0c --download run
  pet-cli runs sync

A run is named by its id or the beginning of it. Filters and orders are in MLflow's language.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    common: Common,
}

/// What all actions understand.
#[derive(Args)]
struct Common {
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
    List(list::Arguments),
    Show(show::Arguments),
    Compare(compare::Arguments),
    Artifacts(artifacts::Arguments),
    Sync(sync::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    match &arguments.action {
        Action::List(arguments) => list::run(arguments, common),
        Action::Show(arguments) => show::run(arguments, common),
        Action::Compare(arguments) => compare::run(arguments, common),
        Action::Artifacts(arguments) => artifacts::run(arguments, common),
        Action::Sync(arguments) => sync::run(arguments, common),
    }
}
