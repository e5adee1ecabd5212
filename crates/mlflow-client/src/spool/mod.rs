//! A run that outlives its server: what cannot be sent is kept on disk and sent later.
//!
//! A [`Recorder`] writes one run. As long as the store answers, everything goes there. From the
//! moment it does not, everything goes to a folder of the [`Spool`], in order, each entry written
//! atomically. [`PendingRun::send`] sends it later.
//!
//! ```text
//! SPOOL/ID/run.json       which run of which store, and why it is here
//!          lock           held by the process that writes the run
//!          000001.json    an entry: values, data sets, an artifact, a model, the end
//!          000001.data    the artifact's content, or the model's folder
//! ```

mod entry;
mod folder;
mod pending;
mod recorder;
mod writer;

pub use pending::{PendingRun, Sent};
pub use recorder::Recorder;

use crate::error::Result;
use std::path::{Path, PathBuf};

/// A folder for runs whose store could not be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spool {
    root: PathBuf,
}

/// The folder of a run that could not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spooled {
    /// Its folder.
    pub path: PathBuf,
    /// The store's error.
    pub reason: String,
}

impl Spool {
    /// A spool in this folder, which is created when something is kept.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The runs that wait to be sent, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read, or holds something else.
    pub fn pending(&self) -> Result<Vec<PendingRun>> {
        if !self.root.is_dir() {
            return Ok(Vec::new());
        }
        let mut pending = Vec::new();
        for entry in fs_err::read_dir(&self.root)? {
            let path = entry?.path();
            if path.join(folder::HEADER).is_file() {
                pending.push(PendingRun::open(path)?);
            }
        }
        pending.sort_by_key(PendingRun::start_time);
        Ok(pending)
    }
}

#[cfg(test)]
#[cfg(feature = "local")]
mod tests;
