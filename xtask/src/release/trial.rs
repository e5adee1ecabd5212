//! A release is made and used, as somebody would who has downloaded it.

use super::{VERSION, host, name, pack};
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace::{self, Profile, unless_missing};

/// Where it happens; the folder is emptied first.
const FOLDER: &str = "target/release-trial";

const SCRIPT: &str = "xtask/src/release/trial.sh";

/// Packs the program that was built for the pipeline, and has a script use the archive.
pub(crate) fn run() -> Result<Outcome, Error> {
    let folder = workspace::root().join(FOLDER);
    unless_missing(fs_err::remove_dir_all(&folder))?;
    let target = host()?;
    let program = workspace::program(Profile::Release, "pet-cli");
    let archive = pack(&program, &target, &folder)?;
    Invocation::new(SCRIPT)
        .argument(&folder)
        .argument(name(&target))
        .argument(VERSION)
        .run()?;
    Ok(Outcome::done(workspace::shown(&archive)))
}
