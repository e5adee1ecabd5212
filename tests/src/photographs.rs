//! Real photographs, if available.

use std::path::PathBuf;

use crate::{root, skipped};

/// The folder of real photographs: `PET_SHARED_DATA`, by default beside the workspace.
pub fn shared_data() -> PathBuf {
    let named = std::env::var_os("PET_SHARED_DATA");
    named.map_or_else(|| root().join("../shared/data"), PathBuf::from)
}

/// The photographs at their original size, sorted; their names contain the breed.
pub fn photographs() -> Option<Vec<PathBuf>> {
    let folder = shared_data().join("originals");
    let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    if files.is_empty() {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    }
    Some(files)
}
