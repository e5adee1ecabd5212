//! The folder of the program.

use std::path::{Path, PathBuf};

/// The folder of the running program, with links resolved.
pub(super) fn folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let program = fs_err::canonicalize(&program).unwrap_or(program);
    program.parent().map(Path::to_owned)
}

/// The folders of the Python package `onnxruntime` in the program's environment. If pip installed the program, it also
/// installed that package.
pub(super) fn python_packages(program: &Path) -> Vec<PathBuf> {
    let Some(environment) = program.parent() else {
        return Vec::new();
    };
    // `lib/python3.13/site-packages`; Debian's own is `dist-packages`, Windows has no folder for each version, and
    // `pip install --target` puts packages beside `bin`.
    let libraries = ["lib", "lib64", "Lib"].map(|name| environment.join(name));
    let versions = libraries.iter().flat_map(|library| pythons(library));
    let roots = versions.chain(libraries.iter().cloned());
    let packages =
        roots.flat_map(|root| ["site-packages", "dist-packages"].map(|name| root.join(name)));
    let all = packages.chain([environment.to_owned()]);
    let capi = all.map(|folder| folder.join("onnxruntime/capi"));
    capi.filter(|folder| folder.is_dir()).collect()
}

/// The folders of Python versions, sorted.
fn pythons(library: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(library).into_iter().flatten();
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let is_python = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("python3")
    };
    let mut folders: Vec<PathBuf> = paths.filter(is_python).collect();
    folders.sort();
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_every_layout() {
        let environment = tempfile::tempdir().unwrap();
        let program = environment.path().join("bin");
        assert!(python_packages(&program).is_empty());
        let layouts = [
            "lib/python3.11/site-packages",
            "lib/python3.13/dist-packages",
            "Lib/site-packages",
            ".",
        ];
        let mut expected = Vec::new();
        for layout in layouts {
            let folder = environment.path().join(layout).join("onnxruntime/capi");
            fs_err::create_dir_all(&folder).unwrap();
            expected.push(folder);
        }
        fs_err::create_dir_all(environment.path().join("lib/perl/site-packages/onnxruntime/capi"))
            .unwrap();
        assert_eq!(python_packages(&program), expected);
        assert!(python_packages(Path::new("/")).is_empty());
    }
}
