//! Where things are in this workspace.

use std::io;
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
    let profile = match profile {
        Profile::Development => "debug",
        Profile::Release => "release",
    };
    target().join(profile).join(file(name))
}

/// A program that was built in release for a target that cargo was told.
pub(crate) fn program_for(triple: &str, name: &str) -> PathBuf {
    target().join(triple).join("release").join(file(name))
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    root().join(target.map_or_else(|| "target".into(), PathBuf::from))
}

fn file(program: &str) -> String {
    format!("{program}{}", std::env::consts::EXE_SUFFIX)
}

/// Folder of downloads and computed features, as `pet-cli` has it.
pub(crate) fn cache() -> PathBuf {
    root().join(set("PET_CACHE_DIR").unwrap_or_else(|| ".cache".into()))
}

/// The folder of the Oxford-IIIT Pet photographs, where this machine has them.
pub(crate) fn photographs() -> Option<PathBuf> {
    let folder = PathBuf::from(set("PET_SHARED_DATA")?).join("oxford-iiit-pet");
    folder.is_dir().then_some(folder)
}

/// The files with this ending in a folder of the workspace or elsewhere, in order.
pub(crate) fn files(folder: impl AsRef<Path>, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(root().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|other| other == ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Takes it for success that what was to be removed is not there.
pub(crate) fn unless_missing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
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
    fn programs_lie_where_cargo_puts_them() {
        let plain = program(Profile::Release, "pet-cli");
        assert!(plain.starts_with(target().join("release")));
        let told = program_for("some-triple", "pet-cli");
        assert!(told.starts_with(target().join("some-triple/release")));
        assert_eq!(plain.file_name(), told.file_name());
    }

    #[test]
    fn paths_inside_are_shown_from_the_root() {
        assert_eq!(shown(&root().join("results/a b")), "results/a b");
        assert_eq!(shown(Path::new("/elsewhere")), "/elsewhere");
    }
}
