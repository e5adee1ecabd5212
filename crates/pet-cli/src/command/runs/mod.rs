//! `pet-cli runs`

mod common;
mod list;
mod show;
mod transfer;

use clap::{Args, Subcommand};

use self::common::Common;
pub(crate) use self::common::find_one;
use crate::failure::Failure;

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
    List(list::ListArguments),
    Show(show::Arguments),
    Compare(list::CompareArguments),
    Artifacts(transfer::ArtifactsArguments),
    Sync(transfer::SyncArguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let common = &arguments.common;
    match &arguments.action {
        Action::List(arguments) => list::list(arguments, common),
        Action::Show(arguments) => show::run(arguments, common),
        Action::Compare(arguments) => list::compare(arguments, common),
        Action::Artifacts(arguments) => transfer::artifacts(arguments, common),
        Action::Sync(arguments) => transfer::sync(arguments, common),
    }
}
