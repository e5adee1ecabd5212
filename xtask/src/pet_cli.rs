//! `pet-cli`, built from this workspace, with `cargo xtask setup` and `cargo xtask docs`.

use clap::Args;

use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace::{self, Profile};

/// Features of the development build and of all tests. Off by default in `pet-cli`, they are tested with everything else;
/// without them here, most libraries would be compiled twice, as gRPC's dependencies add features to them.
pub(crate) const TESTED_FEATURES: [&str; 2] = ["--features", "pet-cli/grpc"];

/// The command that builds `pet-cli`.
pub(crate) fn build(profile: Profile) -> Invocation {
    let build = Invocation::cargo("build --locked -p pet-cli");
    match profile {
        Profile::Development => build.arguments(TESTED_FEATURES),
        Profile::Release => build.argument("--release"),
    }
}

/// `pet-cli` with arguments separated by spaces.
pub(crate) fn invocation(profile: Profile, line: &str) -> Invocation {
    Invocation::new(workspace::program(profile, "pet-cli")).arguments(line.split_whitespace())
}

/// Builds `pet-cli` and runs `pet-cli setup`.
pub(crate) fn set_up(profile: Profile) -> Result<(), Error> {
    build(profile).run()?;
    invocation(profile, "setup").run()
}

/// Build pet-cli and download what it needs
///
/// Builds pet-cli in release mode and runs `pet-cli setup`, which downloads ONNX Runtime and the backbone's weights to
/// `.cache/`. `pipeline` and `test` do the same automatically.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask setup")]
pub(crate) struct Setup {}

pub(crate) fn setup(_: &Setup) -> Result<(), Error> {
    set_up(Profile::Release)
}

/// Regenerate docs/command-line.md
///
/// The page is generated from the program itself; a test fails if it is out of date.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  cargo xtask docs")]
pub(crate) struct Docs {}

pub(crate) fn docs(_: &Docs) -> Result<(), Error> {
    Invocation::cargo("test --quiet --locked -p pet-cli -p pet-tests --bin pet-cli")
        .arguments(TESTED_FEATURES)
        .argument("documentation")
        .environment("PET_UPDATE_DOCS", "1")
        .run()
}
