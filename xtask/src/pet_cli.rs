//! The program that does the work: `pet-cli`, as this workspace builds it.

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
