//! The subcommands, one file each.

pub(crate) mod completions;
pub(crate) mod crop;
pub(crate) mod evaluate;
pub(crate) mod export;
pub(crate) mod grayscale;
mod image_file;
pub(crate) mod normalize;
pub(crate) mod predict;
pub(crate) mod resize;
pub(crate) mod runs;
pub(crate) mod select;
pub(crate) mod setup;
pub(crate) mod train;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::progress::Bars;

/// Runs the subcommand that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let bars = Bars::new(arguments.quiet);
    match arguments.command {
        Command::Setup(arguments) => setup::run(&arguments, &bars),
        Command::Train(arguments) => train::run(&arguments, &bars),
        Command::Select(arguments) => select::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments, &bars),
        Command::Predict(arguments) => predict::run(&arguments, &bars),
        Command::Resize(arguments) => resize::run(&arguments),
        Command::Grayscale(arguments) => grayscale::run(&arguments),
        Command::Normalize(arguments) => normalize::run(&arguments),
        Command::Crop(arguments) => crop::run(&arguments),
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
