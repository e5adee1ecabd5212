//! The folder in which a document's commands are run.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::ci::python;
use crate::error::Error;
use crate::invocation::{Invocation, quoted};
use crate::workspace::{self, Profile, unless_missing};

/// Inside the workspace, so that cargo finds it from there.
const HOME: &str = "target/walkthrough";

/// Runs a document's script to its end, in a folder of its own: what an earlier walk left there is removed.
pub(super) fn run(page: &str, script: &str) -> Result<(), Error> {
    let name = Path::new(page).file_stem().unwrap_or_default();
    let folder = workspace::root().join(HOME).join(name);
    unless_missing(fs_err::remove_dir_all(&folder))?;
    fs_err::create_dir_all(&folder)?;
    let file = folder.join("walkthrough.sh");
    fs_err::write(&file, variables()? + script)?;
    Invocation::new("bash").argument(file).folder(folder).run()
}

/// Lines that tell the script where things are, so that it can be run again by itself.
fn variables() -> Result<String, Error> {
    let mut variables = vec![
        ("PATH", path()?),
        ("ROOT", workspace::root().into()),
        ("CACHE", workspace::cache().into()),
    ];
    variables.extend(workspace::photographs().map(|folder| ("PHOTOGRAPHS", folder.into())));
    let line = |(name, value): (&str, OsString)| format!("export {name}={}\n", quoted(&value));
    let unset = "unset MLFLOW_TRACKING_URI PET_CACHE_DIR PET_RESULTS\n";
    Ok(variables.into_iter().map(line).collect::<String>() + unset)
}

/// The programs of this workspace and of MLflow before all others.
fn path() -> Result<OsString, Error> {
    let program = workspace::program(Profile::Release, "pet-cli");
    let own = [Some(program), python::usable("mlflow-env")]
        .into_iter()
        .flatten();
    let own = own.filter_map(|program| program.parent().map(PathBuf::from));
    let others = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(own.chain(std::env::split_paths(&others)))
        .map_err(|error| Error::from(io::Error::other(error)))
}
