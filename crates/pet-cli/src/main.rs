//! Train, evaluate, promote and serve classifiers of pet breeds.

mod about;
mod arguments;
mod command;
#[cfg(feature = "training")]
mod dataset;
#[cfg(all(test, feature = "training"))]
mod documentation;
mod failure;
mod hint;
mod output;
mod places;
#[cfg(feature = "training")]
mod table;
mod telemetry;
#[cfg(feature = "training")]
mod tracking;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use command::Arguments;

fn main() -> ExitCode {
    let outcome = match Arguments::try_parse() {
        Ok(arguments) => command::run(arguments),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => about::print(),
        Err(error) => error.exit(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::report(&failure),
    }
}
