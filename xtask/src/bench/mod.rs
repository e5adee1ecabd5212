//! `cargo xtask bench`

mod predict;
mod process;
mod serve;
mod tracking;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use crate::error::Error;
use crate::workspace;

/// Measure how fast the programs are
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask bench predict photo.jpg             the whole process, with the model in results/
  cargo xtask bench predict photo.jpg --runs 100
  cargo xtask bench serve                         the service beside one in Python, under load
  cargo xtask bench tracking                      a short training with an MLflow server and without")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Predict(predict::Arguments),
    Serve(serve::Arguments),
    Tracking(tracking::Arguments),
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    match &arguments.what {
        What::Predict(arguments) => predict::run(arguments),
        What::Serve(arguments) => serve::run(arguments),
        What::Tracking(arguments) => tracking::run(arguments),
    }
}

/// The folder of the model: the one that was named, else `results/`.
fn results(named: Option<&Path>) -> Result<PathBuf, Error> {
    match named {
        Some(folder) => Ok(std::path::absolute(folder)?),
        None => Ok(workspace::root().join("results")),
    }
}
