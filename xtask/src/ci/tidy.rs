//! Rules of this workspace that no other tool checks.

use std::path::Path;

use crate::error::Error;
use crate::report::Outcome;
use crate::workspace;

/// Most lines of a source file.
const SOURCE_LINES: usize = 500;

/// Most lines of the README.
const README_LINES: usize = 200;

/// Checks the workspace.
pub(super) fn run() -> Result<Outcome, Error> {
    let (files, findings) = check(workspace::root())?;
    if findings.is_empty() {
        return Ok(Outcome::done(format!("{files} files")));
    }
    Err(Error::Untidy { findings })
}

/// How many files were read, and what is wrong in them.
fn check(root: &Path) -> Result<(usize, Vec<String>), Error> {
    let mut files = 0;
    let mut findings = Vec::new();
    for folder in ["crates", "xtask", "tests"] {
        visit(&root.join(folder), &mut |path| {
            files += 1;
            let name = path
                .strip_prefix(root)
                .unwrap_or(path)
                .display()
                .to_string();
            findings.extend(source(&name, &fs_err::read_to_string(path)?));
            Ok(())
        })?;
    }
    let readme = root.join("README.md");
    if readme.is_file() {
        files += 1;
        findings.extend(length(
            "README.md",
            &fs_err::read_to_string(readme)?,
            README_LINES,
        ));
    }
    findings.sort();
    Ok((files, findings))
}

/// Calls `action` on every Rust file in the folder and those below, where there is one.
fn visit(folder: &Path, action: &mut impl FnMut(&Path) -> Result<(), Error>) -> Result<(), Error> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in fs_err::read_dir(folder)? {
        let path = entry?.path();
        // A `target` folder holds what others wrote.
        if path.is_dir() && !path.ends_with("target") {
            visit(&path, action)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            action(&path)?;
        }
    }
    Ok(())
}

/// What is wrong in a source file.
fn source(name: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    if first.contains("@generated") {
        return Vec::new();
    }
    let ignored = text.lines().enumerate().filter_map(|(index, line)| {
        // Examples in the documentation are tests as well.
        let code = line.trim_start_matches(['/', '!', ' ']);
        let ignores = code.starts_with("#[ignore") || code.starts_with("```ignore");
        // A test that must be a process of its own is run by another, which its reason names.
        let ignores = ignores && !code.starts_with("#[ignore = \"run by `");
        ignores.then(|| format!("{name}:{}: a test is ignored", index + 1))
    });
    length(name, text, SOURCE_LINES)
        .into_iter()
        .chain(ignored)
        .collect()
}

fn length(name: &str, text: &str, most: usize) -> Option<String> {
    let lines = text.lines().count();
    (lines > most).then(|| format!("{name}: {lines} lines, at most {most} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_ignored_tests_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        };
        write("crates/a/src/long.rs", &"//\n".repeat(SOURCE_LINES + 1));
        write("crates/a/src/full.rs", &"//\n".repeat(SOURCE_LINES));
        write(
            "crates/a/src/made.rs",
            &format!("// @generated\n{}", "//\n".repeat(999)),
        );
        write("crates/a/target/x.rs", &"//\n".repeat(999));
        write(
            "tests/it.rs",
            "#[test]\n    #[ignore = \"slow\"]\nfn slow() {}\n\n#[test]\n#[ignore = \"run by `it`\"]\nfn apart() {}\n",
        );
        write(
            "xtask/src/main.rs",
            "//! Example:\n//! ```ignore\n//! ```\n",
        );
        write("README.md", &"\n".repeat(README_LINES + 1));
        let (files, findings) = check(folder.path()).unwrap();
        assert_eq!(files, 6);
        assert_eq!(
            findings,
            [
                "README.md: 201 lines, at most 200 are allowed",
                "crates/a/src/long.rs: 501 lines, at most 500 are allowed",
                "tests/it.rs:2: a test is ignored",
                "xtask/src/main.rs:2: a test is ignored",
            ]
        );
    }

    #[test]
    fn an_empty_workspace_is_tidy() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(check(folder.path()).unwrap(), (0, Vec::new()));
    }
}
