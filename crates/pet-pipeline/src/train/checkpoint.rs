//! The files of a run that can be resumed.
//!
//! ```text
//! CACHE/training/RUN/run.json           the settings
//!                    state.safetensors  the checkpoint
//! ```

use std::path::{Path, PathBuf};

use pet_train::Checkpoint;

use crate::error::Error;
use crate::settings::TrainSettings;

const RUN_FILE: &str = "run.json";
const STATE_FILE: &str = "state.safetensors";
/// Limit for the size of settings, which include the metrics of every class in a refit.
const MAX_BYTES: u64 = 16 << 20;

/// An interrupted run and its settings.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct InterruptedRun {
    /// The run's ID in the tracking store.
    pub run_id: String,
    /// Its settings.
    pub settings: TrainSettings,
}

impl InterruptedRun {
    /// Finds the interrupted run in this cache whose ID starts with `run_id`.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToResume`] or [`Error::AmbiguousRun`] unless there is exactly one, [`Error::OldCheckpoint`] for
    /// one of another version, [`Error::Io`].
    pub fn find(cache: &Path, run_id: &str) -> Result<Self, Error> {
        let mut found = Vec::new();
        let folder = cache.join("training");
        if folder.is_dir() && !run_id.is_empty() {
            for entry in fs_err::read_dir(folder)? {
                let path = entry?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                if path.join(RUN_FILE).is_file()
                    && let Some(name) = name.filter(|name| name.starts_with(run_id))
                {
                    found.push(name.to_owned());
                }
            }
        }
        match found.as_slice() {
            [id] => CheckpointFolder::new(cache, id)?.read(id),
            [] => Err(nothing_to_resume(run_id)),
            _ => Err(Error::AmbiguousRun {
                run_id: run_id.into(),
                found: found.len(),
            }),
        }
    }
}

pub(super) struct CheckpointFolder(PathBuf);

impl CheckpointFolder {
    pub(super) fn new(cache: &Path, run_id: &str) -> Result<Self, Error> {
        // It becomes part of a path.
        if run_id.is_empty() || !run_id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(nothing_to_resume(run_id));
        }
        Ok(Self(cache.join("training").join(run_id)))
    }

    /// The checkpoint of a training on `data`.
    pub(super) fn state(&self, data: String) -> Checkpoint {
        Checkpoint {
            path: self.0.join(STATE_FILE),
            data,
        }
    }

    pub(super) fn write(&self, settings: &TrainSettings) -> Result<(), Error> {
        Ok(pet_model::write_json(&self.0.join(RUN_FILE), settings)?)
    }

    fn read(&self, run_id: &str) -> Result<InterruptedRun, Error> {
        let path = self.0.join(RUN_FILE);
        if fs_err::metadata(&path)?.len() > MAX_BYTES {
            return Err(nothing_to_resume(run_id));
        }
        let settings = serde_json::from_slice(&fs_err::read(&path)?);
        let settings = settings.map_err(|source| Error::OldCheckpoint {
            run_id: run_id.into(),
            path,
            source,
        })?;
        let run_id = run_id.into();
        Ok(InterruptedRun { run_id, settings })
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        Ok(fs_err::remove_dir_all(&self.0)?)
    }
}

fn nothing_to_resume(run_id: &str) -> Error {
    let run_id = run_id.into();
    Error::NothingToResume { run_id }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataSource;

    fn settings() -> TrainSettings {
        TrainSettings::new(DataSource::Folder("pets".into()), "weights.pt")
    }

    #[test]
    fn a_unique_prefix_finds_a_run() {
        let cache = tempfile::tempdir().unwrap();
        let find = |id| InterruptedRun::find(cache.path(), id);
        assert!(matches!(find("01"), Err(Error::NothingToResume { .. })));
        for id in ["0123", "0199"] {
            let folder = CheckpointFolder::new(cache.path(), id).unwrap();
            folder.write(&settings()).unwrap();
        }
        let found = find("012").unwrap();
        assert_eq!(found.run_id, "0123");
        assert_eq!(found.settings, settings());
        assert!(matches!(
            find("01"),
            Err(Error::AmbiguousRun { found: 2, .. })
        ));
        for none in ["", "2", "../01", "."] {
            assert!(matches!(find(none), Err(Error::NothingToResume { .. })));
        }
    }

    #[test]
    fn a_run_of_another_version_is_an_error() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("training/0123");
        fs_err::create_dir_all(&folder).unwrap();
        let old = r#"{"arguments":["pet-cli","train"],"configuration":{}}"#;
        fs_err::write(folder.join(RUN_FILE), old).unwrap();
        let error = InterruptedRun::find(cache.path(), "0123").unwrap_err();
        assert!(error.to_string().contains("a different version"), "{error}");
    }
}
