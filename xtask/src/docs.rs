//! `cargo xtask docs`

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;

/// Write docs/command-line.md anew
///
/// The page comes out of the program itself; a test fails while it is not current.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask docs")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<(), Error> {
    Invocation::cargo("test --quiet --locked -p pet-cli -p pet-tests --bin pet-cli documentation")
        .environment("PET_UPDATE_DOCS", "1")
        .run()
}
