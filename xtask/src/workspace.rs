//! Paths of this workspace.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The folder of this package. The path at compile time may be out of date if the clone was moved.
static PACKAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let compiled = || env!("CARGO_MANIFEST_DIR").into();
    variable("CARGO_MANIFEST_DIR").unwrap_or_else(compiled).into()
});

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    PACKAGE.parent().unwrap_or(&PACKAGE)
}

/// A cargo profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    Development,
    Release,
}

/// The path of `pet-cli`.
pub(crate) fn program(profile: Profile) -> PathBuf {
    let profile = match profile {
        Profile::Development => "debug",
        Profile::Release => "release",
    };
    target().join(profile).join(program_file())
}

/// The path of `pet-cli` after a build with `--release --target TRIPLE`.
pub(crate) fn program_for(triple: &str) -> PathBuf {
    target().join(triple).join("release").join(program_file())
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    root().join(target.map_or_else(|| "target".into(), PathBuf::from))
}

/// The name of the file of `pet-cli`.
pub(crate) fn program_file() -> String {
    format!("pet-cli{}", std::env::consts::EXE_SUFFIX)
}

/// Folder of downloads and computed features, the same as that of `pet-cli`.
pub(crate) fn cache() -> PathBuf {
    root().join(variable("PET_CACHE_DIR").unwrap_or_else(|| ".cache".into()))
}

/// The folder of the Oxford-IIIT Pet data set, if this machine has it.
pub(crate) fn photographs() -> Option<PathBuf> {
    let folder = PathBuf::from(variable("PET_SHARED_DATA")?).join("oxford-iiit-pet");
    folder.is_dir().then_some(folder)
}

/// The files in a folder with this extension, sorted.
pub(crate) fn files(folder: impl AsRef<Path>, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs_err::read_dir(root().join(folder))? {
        let path = entry?.path();
        if path.extension().is_some_and(|other| other == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Removes a folder, or nothing if it does not exist.
pub(crate) fn remove_folder(folder: &Path) -> io::Result<()> {
    ignore_missing(fs_err::remove_dir_all(folder))
}

/// Treats the removal of something that does not exist as a success.
pub(crate) fn ignore_missing(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The value of an environment variable, unless it is empty.
pub(crate) fn variable(name: &str) -> Option<std::ffi::OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// A path relative to the root, if it is below it.
pub(crate) fn shown(path: &Path) -> String {
    let path = path.strip_prefix(root()).unwrap_or(path);
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_contains_this_package() {
        assert!(root().join("xtask/src/workspace.rs").is_file());
    }

    #[test]
    fn programs_are_in_the_target_folder() {
        let plain = program(Profile::Release);
        assert!(plain.starts_with(target().join("release")));
        let cross = program_for("some-triple");
        assert!(cross.starts_with(target().join("some-triple/release")));
        assert_eq!(plain.file_name(), cross.file_name());
    }

    #[test]
    fn paths_are_shown_relative_to_the_root() {
        assert_eq!(shown(&root().join("results/a b")), "results/a b");
        assert_eq!(shown(Path::new("/elsewhere")), "/elsewhere");
    }
}
