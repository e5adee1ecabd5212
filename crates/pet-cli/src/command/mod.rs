//! The subcommands and their arguments.

#[cfg(feature = "training")]
mod data;
#[cfg(feature = "training")]
mod evaluate;
mod explain;
#[cfg(feature = "training")]
mod export;
mod images;
#[cfg(feature = "training")]
mod models;
mod predict;
#[cfg(feature = "training")]
mod promote;
#[cfg(feature = "training")]
mod runs;
mod serve;
#[cfg(feature = "training")]
mod setup;
#[cfg(feature = "training")]
mod sweep;
#[cfg(feature = "training")]
mod train;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::failure::Failure;
use crate::output::{self, Bars};

/// Train, select, export and use a pet breed classifier.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print only results and errors, no progress or notes
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[cfg(not(feature = "training"))]
const EXAMPLES: &str = "\
Examples:
  pet-cli predict photo.jpg                         predict the breed and show the top five
  pet-cli predict --json photos/ | jq .             a whole folder, as JSON

`pet-cli --version` shows which model is used, and where files are.

Exit status: 0 success, 1 failure, 2 incorrect usage.";

#[cfg(feature = "training")]
const EXAMPLES: &str = "\
Examples:
  pet-cli setup                                     download ONNX Runtime and backbone weights, once
  pet-cli predict photo.jpg                         predict the breed and show the top five
  pet-cli predict --json photos/ | jq .             a whole folder, as JSON
  pet-cli train --dataset sample && pet-cli select && pet-cli export --results target/sample

`pet-cli --version` shows which model is used, and where files are.

Exit status: 0 success, 1 failure, 2 incorrect usage.";

#[derive(Subcommand)]
enum Command {
    #[cfg(feature = "training")]
    Setup(setup::Arguments),
    #[cfg(feature = "training")]
    Data(data::Arguments),
    #[cfg(feature = "training")]
    Train(train::Arguments),
    #[cfg(feature = "training")]
    Sweep(sweep::Arguments),
    #[cfg(feature = "training")]
    Select(export::SelectArguments),
    #[cfg(feature = "training")]
    Export(export::ExportArguments),
    #[cfg(feature = "training")]
    Evaluate(evaluate::Arguments),
    #[cfg(feature = "training")]
    Promote(promote::Arguments),
    Predict(predict::Arguments),
    Explain(explain::Arguments),
    Resize(images::ResizeArguments),
    /// Convert an image to 8-bit grayscale (ITU-R 601)
    Grayscale(images::FileArguments),
    /// Stretch the contrast of an image and report its channels' mean and standard deviation
    Normalize(images::FileArguments),
    Crop(images::CropArguments),
    #[cfg(feature = "training")]
    Models(models::Arguments),
    #[cfg(feature = "training")]
    Runs(runs::Arguments),
    Serve(Box<serve::ServeArguments>),
    Health(serve::HealthArguments),
    /// Print a completion script for a shell
    ///
    /// For example: pet-cli completions bash > ~/.local/share/bash-completion/completions/pet-cli
    Completions {
        /// The shell
        shell: Shell,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let bars = Bars::new(arguments.quiet);
    match arguments.command {
        #[cfg(feature = "training")]
        Command::Setup(arguments) => setup::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Data(arguments) => data::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Train(arguments) => train::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Sweep(arguments) => sweep::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Select(arguments) => export::select(&arguments),
        #[cfg(feature = "training")]
        Command::Export(arguments) => export::export(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Evaluate(arguments) => evaluate::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Promote(arguments) => promote::run(&arguments, &bars),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments, &bars),
        Command::Resize(arguments) => images::resize(&arguments),
        Command::Grayscale(arguments) => images::grayscale(&arguments),
        Command::Normalize(arguments) => images::normalize(&arguments),
        Command::Crop(arguments) => images::crop(&arguments),
        #[cfg(feature = "training")]
        Command::Models(arguments) => models::run(&arguments),
        #[cfg(feature = "training")]
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Serve(arguments) => serve::serve(&arguments),
        Command::Health(arguments) => serve::health(&arguments),
        Command::Completions { shell } => completions(shell),
    }
}

fn completions(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "pet-cli", &mut script);
    output::line(String::from_utf8_lossy(&script).trim_end())
}
