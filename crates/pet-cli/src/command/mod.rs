//! The subcommands, one file each.

pub(crate) mod completions;
pub(crate) mod crop;
#[cfg(feature = "training")]
pub(crate) mod evaluate;
pub(crate) mod explain;
#[cfg(feature = "training")]
pub(crate) mod export;
pub(crate) mod grayscale;
pub(crate) mod health;
mod image_file;
#[cfg(feature = "training")]
pub(crate) mod models;
pub(crate) mod normalize;
pub(crate) mod predict;
pub(crate) mod resize;
#[cfg(feature = "training")]
pub(crate) mod runs;
#[cfg(feature = "training")]
pub(crate) mod select;
pub(crate) mod serve;
#[cfg(feature = "training")]
pub(crate) mod setup;
#[cfg(feature = "training")]
pub(crate) mod sweep;
#[cfg(feature = "training")]
pub(crate) mod train;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::progress::Bars;

/// Runs the subcommand that was asked for.
pub(crate) fn run(arguments: Arguments) -> Result<(), Failure> {
    let bars = Bars::new(arguments.quiet);
    match arguments.command {
        #[cfg(feature = "training")]
        Command::Setup(arguments) => setup::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Train(arguments) => train::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Sweep(arguments) => sweep::run(&arguments, &bars),
        #[cfg(feature = "training")]
        Command::Select(arguments) => select::run(&arguments),
        #[cfg(feature = "training")]
        Command::Export(arguments) => export::run(&arguments),
        #[cfg(feature = "training")]
        Command::Evaluate(arguments) => evaluate::run(&arguments, &bars),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Predict(arguments) => predict::run(&arguments, &bars),
        Command::Resize(arguments) => resize::run(&arguments),
        Command::Grayscale(arguments) => grayscale::run(&arguments),
        Command::Normalize(arguments) => normalize::run(&arguments),
        Command::Crop(arguments) => crop::run(&arguments),
        #[cfg(feature = "training")]
        Command::Models(arguments) => models::run(&arguments),
        #[cfg(feature = "training")]
        Command::Runs(arguments) => runs::run(&arguments),
        Command::Serve(arguments) => serve::run(&arguments),
        Command::Health(arguments) => health::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments),
    }
}
