//! `pet-cli`, built from this workspace: `cargo xtask setup` and `cargo xtask docs`.

use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace::{self, Profile};

/// Features of the development build and of all tests. Off by default in `pet-cli`, they are tested with everything else;
/// without them here, most libraries would be compiled twice, as gRPC's dependencies add features to them.
pub(crate) const TESTED_FEATURES: &str = "--features pet-cli/grpc";

/// The command that builds `pet-cli`.
pub(crate) fn build(profile: Profile) -> Invocation {
    let build = Invocation::line("cargo build --locked -p pet-cli");
    match profile {
        Profile::Development => build.words(TESTED_FEATURES),
        Profile::Release => build.argument("--release"),
    }
}

/// `pet-cli` with arguments separated by spaces.
pub(crate) fn invocation(profile: Profile, line: &str) -> Invocation {
    Invocation::new(workspace::program(profile)).words(line)
}

/// Builds `pet-cli` and runs `pet-cli setup`.
pub(crate) fn set_up(profile: Profile) -> Result<(), Error> {
    build(profile).run()?;
    invocation(profile, "setup").run()
}

/// Writes docs/command-line.md.
pub(crate) fn docs() -> Result<(), Error> {
    Invocation::line("cargo test --quiet --locked -p pet-cli -p pet-tests --bin pet-cli")
        .words(TESTED_FEATURES)
        .argument("documentation")
        .environment("PET_UPDATE_DOCS", "1")
        .run()
}
