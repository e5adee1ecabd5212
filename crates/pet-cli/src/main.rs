//! The whole life of a pet-breed classifier on the command line.

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
mod progress;
#[cfg(feature = "training")]
mod table;
#[cfg(feature = "training")]
mod tracking;
mod workspace;

use std::process::ExitCode;

use clap::Parser;
use command::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match command::run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output::report(&failure),
    }
}
