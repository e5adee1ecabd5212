//! The files of a run that can be resumed.
//!
//! ```text
//! CACHE/training/RUN/run.json           the settings
//!                    state.safetensors  the checkpoint
//!                    lock               locked while the run is running
//! ```

use std::fs::TryLockError;
use std::path::{Path, PathBuf};

use pet_train::{Checkpoint, Schedule};

use crate::error::Error;
use crate::settings::{MAX_BYTES, TrainSettings};

const RUN_FILE: &str = "run.json";
const STATE_FILE: &str = "state.safetensors";
const LOCK_FILE: &str = "lock";

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
    /// [`Error::NothingToResume`] or [`Error::AmbiguousRun`] unless there is exactly one, [`Error::StillRunning`],
    /// [`Error::OldCheckpoint`] for one of another version, [`Error::Io`].
    pub fn find(cache: &Path, run_id: &str) -> Result<Self, Error> {
        let mut found = run_folders(cache)?;
        found.retain(|(id, _)| id.starts_with(run_id) && !run_id.is_empty());
        match found.as_slice() {
            [(id, folder)] if is_running(folder) => Err(still_running(id)),
            [(id, folder)] => read(id, folder),
            [] => Err(nothing_to_resume(run_id)),
            _ => Err(Error::AmbiguousRun { run_id: run_id.into(), found: found.len() }),
        }
    }

    /// The IDs of the runs in this cache that can be resumed. On a file system without locks, these include runs that are
    /// still running.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn ids(cache: &Path) -> Result<Vec<String>, Error> {
        let mut runs = run_folders(cache)?;
        runs.retain(|(_, folder)| !is_running(folder));
        Ok(runs.into_iter().map(|(id, _)| id).collect())
    }

    /// Sets the number of epochs. With a constant learning rate, a resumed run may have more than it was started with, and
    /// ends with the weights of a run that was started with as many.
    ///
    /// # Errors
    ///
    /// [`Error::ResumeSetting`] for fewer epochs, and for more with another schedule.
    pub fn set_epochs(&mut self, epochs: usize) -> Result<(), Error> {
        let configuration = &mut self.settings.configuration;
        let (before, constant) =
            (configuration.epochs, configuration.schedule == Schedule::Constant);
        if epochs == before || (epochs > before && constant) {
            configuration.epochs = epochs;
            return Ok(());
        }
        let reason = if epochs < before {
            format!("it was started with {before}")
        } else {
            format!("its learning rates have followed a cosine over {before} epochs from the start")
        };
        Err(self.other(format!("{epochs} epochs"), reason))
    }

    /// Checks that this is the run's experiment.
    ///
    /// # Errors
    ///
    /// [`Error::ResumeSetting`] if it is another.
    pub fn check_experiment(&self, name: &str) -> Result<(), Error> {
        let experiment = &self.settings.experiment;
        if experiment == name {
            return Ok(());
        }
        let reason = format!("it is in the experiment `{experiment}`");
        Err(self.other(format!("the experiment `{name}`"), reason))
    }

    fn other(&self, got: String, reason: String) -> Error {
        Error::ResumeSetting { run_id: self.run_id.clone(), got, reason }
    }
}

/// The folder of a run that this process trains.
pub(super) struct CheckpointFolder {
    path: PathBuf,
    /// Keeps other processes from training the run.
    lock: fs_err::File,
}

impl CheckpointFolder {
    /// Creates the folder, and locks it until it is dropped.
    pub(super) fn lock(cache: &Path, run_id: &str) -> Result<Self, Error> {
        // It becomes part of a path.
        if run_id.is_empty() || !run_id.chars().all(|c| c.is_ascii_alphanumeric()) {
            return Err(nothing_to_resume(run_id));
        }
        let path = cache.join("training").join(run_id);
        fs_err::create_dir_all(&path)?;
        let lock = fs_err::File::create(path.join(LOCK_FILE))?;
        // Tolerates file systems without locks.
        if let Err(TryLockError::WouldBlock) = lock.file().try_lock() {
            return Err(still_running(run_id));
        }
        Ok(Self { path, lock })
    }

    /// The checkpoint of a training on `data`.
    pub(super) fn state(&self, data: String) -> Checkpoint {
        Checkpoint { path: self.path.join(STATE_FILE), data }
    }

    pub(super) fn write(&self, settings: &TrainSettings) -> Result<(), Error> {
        Ok(pet_model::write_json(&self.path.join(RUN_FILE), settings)?)
    }

    pub(super) fn remove(self) -> Result<(), Error> {
        // Windows removes no open file.
        drop(self.lock);
        Ok(fs_err::remove_dir_all(self.path)?)
    }
}

/// The IDs and folders of all runs that have not finished.
fn run_folders(cache: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let (mut runs, folder) = (Vec::new(), cache.join("training"));
    if !folder.is_dir() {
        return Ok(runs);
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().and_then(|name| name.to_str())
            && path.join(RUN_FILE).is_file()
        {
            runs.push((name.to_owned(), path));
        }
    }
    Ok(runs)
}

/// Whether a process has locked the folder.
fn is_running(folder: &Path) -> bool {
    let lock = fs_err::File::open(folder.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.file().try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn read(run_id: &str, folder: &Path) -> Result<InterruptedRun, Error> {
    let path = folder.join(RUN_FILE);
    if fs_err::metadata(&path)?.len() > MAX_BYTES {
        return Err(nothing_to_resume(run_id));
    }
    let (run_id, settings) = (run_id.into(), serde_json::from_slice(&fs_err::read(&path)?));
    match settings {
        Ok(settings) => Ok(InterruptedRun { run_id, settings }),
        Err(source) => Err(Error::OldCheckpoint { run_id, path, source }),
    }
}

fn nothing_to_resume(run_id: &str) -> Error {
    Error::NothingToResume { run_id: run_id.into() }
}

fn still_running(run_id: &str) -> Error {
    Error::StillRunning { run_id: run_id.into() }
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
            let folder = CheckpointFolder::lock(cache.path(), id).unwrap();
            folder.write(&settings()).unwrap();
        }
        let found = find("012").unwrap();
        assert_eq!(found.run_id, "0123");
        assert_eq!(found.settings, settings());
        assert!(matches!(find("01"), Err(Error::AmbiguousRun { found: 2, .. })));
        for none in ["", "2", "../01", "."] {
            assert!(matches!(find(none), Err(Error::NothingToResume { .. })));
        }
    }

    #[test]
    fn a_locked_run_is_still_running() {
        let cache = tempfile::tempdir().unwrap();
        let ids = || InterruptedRun::ids(cache.path()).unwrap();
        let folder = CheckpointFolder::lock(cache.path(), "0123").unwrap();
        folder.write(&settings()).unwrap();
        assert!(ids().is_empty());
        let running = |error| matches!(error, Err(Error::StillRunning { .. }));
        assert!(running(InterruptedRun::find(cache.path(), "01").map(|_| ())));
        assert!(running(CheckpointFolder::lock(cache.path(), "0123").map(|_| ())));
        drop(folder);
        assert_eq!(ids(), ["0123"]);
        let folder = CheckpointFolder::lock(cache.path(), "0123").unwrap();
        folder.remove().unwrap();
        assert!(ids().is_empty());
    }

    #[test]
    fn more_epochs_need_a_constant_schedule() {
        let mut run = InterruptedRun { run_id: "0123".into(), settings: settings() };
        run.settings.configuration.epochs = 5;
        run.set_epochs(8).unwrap();
        assert_eq!(run.settings.configuration.epochs, 8);
        let text = |result: Result<(), Error>| result.unwrap_err().to_string();
        assert_eq!(
            text(run.set_epochs(7)),
            "cannot resume run `0123` with 7 epochs: it was started with 8"
        );
        run.settings.configuration.schedule = Schedule::Cosine;
        run.set_epochs(8).unwrap();
        assert!(text(run.set_epochs(9)).ends_with("a cosine over 8 epochs from the start"));
        assert_eq!(run.settings.configuration.epochs, 8);
        run.check_experiment("Default").unwrap();
        assert!(
            text(run.check_experiment("other"))
                .contains("`other`: it is in the experiment `Default`")
        );
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
