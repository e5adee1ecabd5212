//! Where things are in this workspace.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// What cargo says when it starts this program: what it said when it compiled it may be where the clone lay before it was
/// moved.
static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let compiled = || env!("CARGO_MANIFEST_DIR").into();
    set("CARGO_MANIFEST_DIR").unwrap_or_else(compiled).into()
});

/// The root of the workspace, whatever the current folder is.
pub(crate) fn root() -> &'static Path {
    PACKAGE.parent().unwrap_or(&PACKAGE)
}

/// A cargo profile that this workspace is built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Of the tests.
    Development,
    /// Of the pipeline.
    Release,
}

/// A program of this workspace in cargo's target folder.
pub(crate) fn program(profile: Profile, name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| "target".into(), PathBuf::from);
    let profile = match profile {
        Profile::Development => "debug",
        Profile::Release => "release",
    };
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    root().join(target).join(profile).join(file)
}

/// Folder of downloads and computed features, as `pet-cli` has it.
pub(crate) fn cache() -> PathBuf {
    root().join(set("PET_CACHE_DIR").unwrap_or_else(|| ".cache".into()))
}

/// The value of an environment variable that is set and not empty.
pub(crate) fn set(variable: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(variable).filter(|value| !value.is_empty())
}

/// A path as a person in the root would write it.
pub(crate) fn shown(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_this_package() {
        assert!(root().join("xtask/src/workspace.rs").is_file());
    }

    #[test]
    fn paths_inside_are_shown_from_the_root() {
        assert_eq!(shown(&root().join("results/a b")), "results/a b");
        assert_eq!(shown(Path::new("/elsewhere")), "/elsewhere");
    }
}
