//! The Python wheel.

use std::path::{Path, PathBuf};

use super::VERSION;
use crate::ci::python::RELEASE;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::workspace;

/// Builds the wheel with maturin; `None` without maturin.
pub(super) fn build(target: Option<&str>, output: &Path) -> Result<Option<PathBuf>, Error> {
    let Some(maturin) = maturin() else {
        return Ok(None);
    };
    for old in wheels(output)? {
        fs_err::remove_file(old)?;
    }
    let maturin = maturin.arguments(["build", "--release", "--locked", "--out"]);
    let maturin = maturin.argument(output);
    let target = target.map(|target| ["--target", target]);
    maturin.arguments(target.into_iter().flatten()).run()?;
    let wheel = wheels(output)?.pop();
    let missing =
        || Error::usage(format!("maturin created no wheel in `{}`", workspace::shown(output)));
    wheel.map(Some).ok_or_else(missing)
}

/// The one on `PATH`, or else that of the environment of `cargo xtask ci`.
fn maturin() -> Option<Invocation> {
    let named = Invocation::new("maturin");
    if named.clone().argument("--version").succeeds() {
        return Some(named);
    }
    let python = RELEASE.usable()?;
    Some(Invocation::new(python).arguments(["-m", "maturin"]))
}

/// The wheels of this version in a folder.
fn wheels(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let start = format!("pet_cli-{VERSION}-");
    let mut wheels = workspace::files(folder, "whl")?;
    wheels.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&start)
    });
    Ok(wheels)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_of_this_version_are_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(wheels(&folder.path().join("none")).unwrap().is_empty());
        let wheel = folder.path().join(format!("pet_cli-{VERSION}-py3-none-any.whl"));
        for path in [&wheel, &folder.path().join("other-1-py3-none-any.whl")] {
            fs_err::write(path, "").unwrap();
        }
        assert_eq!(wheels(folder.path()).unwrap(), [wheel]);
    }
}
