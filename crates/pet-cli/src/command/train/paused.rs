//! A run that can be taken up again after it was interrupted or killed.
//!
//! ```text
//! CACHE/training/RUN/run.json           the command line and the configuration
//!                    state.safetensors  the training itself
//! ```

use std::path::{Path, PathBuf};

use pet_train::{Checkpoint, Configuration};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

const RUN_FILE: &str = "run.json";
const STATE_FILE: &str = "state.safetensors";

/// How a run was started.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paused {
    /// The arguments of `pet-cli train`, without the tracking store's address, which may hold a password.
    pub(super) arguments: Vec<String>,
    /// The one of the command's configurations that this run is of.
    pub(super) configuration: Configuration,
}

/// The folder of one run.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn new(cache: &Path, run_id: &str) -> Result<Self, Failure> {
        // It becomes a path, so it must be a name and nothing else.
        let is_name =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric());
        if !is_name(run_id) {
            return Err(Failure::NothingToResume { run: run_id.into() });
        }
        Ok(Self(cache.join("training").join(run_id)))
    }

    pub(super) fn checkpoint(&self, data: &str) -> Checkpoint {
        Checkpoint {
            path: self.0.join(STATE_FILE),
            data: data.into(),
        }
    }

    pub(super) fn write(&self, paused: &Paused) -> Result<(), Failure> {
        let bytes = serde_json::to_vec_pretty(paused)?;
        Ok(pet_model::write_atomically(&self.0.join(RUN_FILE), &bytes)?)
    }

    pub(super) fn read(&self) -> Result<Paused, Failure> {
        let path = self.0.join(RUN_FILE);
        if !path.is_file() {
            let run = self.0.file_name().unwrap_or_default().to_string_lossy();
            return Err(Failure::NothingToResume { run: run.into() });
        }
        Ok(pet_model::read_json(&path)?)
    }

    /// Removes what is of no use once the run has ended.
    pub(super) fn remove(&self) -> Result<(), Failure> {
        Ok(fs_err::remove_dir_all(&self.0)?)
    }
}

/// This process's arguments without the tracking store's address.
pub(super) fn own_arguments() -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = std::env::args();
    while let Some(argument) = arguments.next() {
        if argument == "--tracking-uri" {
            arguments.next();
        } else if !argument.starts_with("--tracking-uri=") {
            kept.push(argument);
        }
    }
    kept
}
