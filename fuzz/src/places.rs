//! Paths.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The repository's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A temporary folder, in memory if possible.
pub fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory } else { &std::env::temp_dir() };
    tempfile::tempdir_in(folder).expect("a folder for files")
}
