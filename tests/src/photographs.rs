//! Real photographs, if available.

use std::path::PathBuf;

use crate::{root, skipped};

/// The photographs at their original size, sorted; their names contain the breed.
pub fn photographs(test: &str) -> Option<Vec<PathBuf>> {
    let shared = std::env::var_os("PET_SHARED_DATA")
        .map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let folder = shared.join("originals");
    let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    if files.is_empty() {
        skipped(test, format_args!("no photographs at {}", folder.display()));
        return None;
    }
    Some(files)
}
