//! The workspace around the current folder.

use std::path::{Path, PathBuf};

/// A file that identifies a clone of this project.
const MARKER: &str = "crates/pet-cli/Cargo.toml";

/// The workspace around the current folder; empty if it is the current folder, which keeps paths short.
pub(super) fn around_current_folder() -> Option<PathBuf> {
    around(&std::env::current_dir().ok()?)
}

fn around(current: &Path) -> Option<PathBuf> {
    let mut folders = current.ancestors();
    let root = folders.find(|folder| folder.join(MARKER).is_file())?;
    Some(if root == current { PathBuf::new() } else { root.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_found_from_its_folders() {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = package.ancestors().nth(2).unwrap();
        assert_eq!(around(root), Some(PathBuf::new()));
        assert_eq!(around(&package.join("src")), Some(root.to_owned()));
        let elsewhere = tempfile::tempdir().unwrap();
        assert_eq!(around(elsewhere.path()), None);
    }
}
