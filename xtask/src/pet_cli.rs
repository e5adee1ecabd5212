//! The program that does the work: `pet-cli`, as this workspace builds it; `cargo xtask setup` and `cargo xtask docs`.

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace::{self, Profile};

/// The command that builds `pet-cli`.
pub(crate) fn build(profile: Profile) -> Invocation {
    match profile {
        Profile::Development => Invocation::cargo("build --locked -p pet-cli"),
        Profile::Release => Invocation::cargo("build --release --locked -p pet-cli"),
    }
}

/// `pet-cli` with a line of arguments that hold no spaces.
pub(crate) fn invocation(profile: Profile, line: &str) -> Invocation {
    Invocation::new(workspace::program(profile, "pet-cli")).arguments(line.split_whitespace())
}

/// Builds `pet-cli` and lets it fetch what is missing; quick when nothing is.
pub(crate) fn set_up(profile: Profile) -> Result<(), Error> {
    build(profile).run()?;
    invocation(profile, "setup").run()
}

/// Build pet-cli and fetch what it needs
///
/// Builds pet-cli in release and runs `pet-cli setup`, which puts ONNX Runtime and the backbone's weights into `.cache/`.
/// `pipeline` and `test` do the same by themselves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask setup")]
pub(crate) struct Setup {}

pub(crate) fn setup(_: &Setup) -> Result<(), Error> {
    set_up(Profile::Release)
}

/// Write docs/command-line.md anew
///
/// The page comes out of the program itself; a test fails while it is not current.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask docs")]
pub(crate) struct Docs {}

pub(crate) fn docs(_: &Docs) -> Result<(), Error> {
    Invocation::cargo("test --quiet --locked -p pet-cli -p pet-tests --bin pet-cli documentation")
        .environment("PET_UPDATE_DOCS", "1")
        .run()
}
