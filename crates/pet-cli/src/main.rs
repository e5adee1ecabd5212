//! Train, evaluate, promote and serve classifiers of pet breeds.

mod about;
mod arguments;
mod command;
#[cfg(all(test, feature = "training"))]
mod documentation;
mod failure;
mod hint;
#[cfg(feature = "training")]
mod interrupt;
mod memory;
mod output;
mod places;
mod progress;
#[cfg(feature = "training")]
mod table;
mod traces;
#[cfg(feature = "training")]
mod tracking;
#[cfg(feature = "training")]
mod trained_data;
mod workspace;

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
