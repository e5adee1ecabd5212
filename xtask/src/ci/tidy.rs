//! Rules of this workspace that no other tool checks.

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// Most lines of a source file.
const SOURCE_LINES: usize = 500;

/// Most lines of the README.
const README_LINES: usize = 200;

/// Checks the files under version control, or about to be.
pub(super) fn run() -> Result<Outcome, Error> {
    let files = tracked(["*.rs", "README.md"].into_iter())?;
    let mut findings = Vec::new();
    for file in &files {
        let path = workspace::root().join(file);
        // One that is removed, and not yet committed, is still in the list.
        if path.is_file() {
            findings.extend(check(file, &fs_err::read_to_string(path)?));
        }
    }
    if findings.is_empty() {
        return Ok(Outcome::done(format!("{} files", files.len())));
    }
    Err(Error::Untidy { findings })
}

/// The files under version control, or about to be, that these patterns name.
pub(super) fn tracked<'line>(
    patterns: impl Iterator<Item = &'line str>,
) -> Result<Vec<String>, Error> {
    let list = [
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "--",
    ];
    let files = Invocation::new("git")
        .arguments(list)
        .arguments(patterns)
        .output()?;
    Ok(files.lines().map(str::to_owned).collect())
}

/// What is wrong in a file.
fn check(name: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    if first.contains("@generated") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let most = if name == "README.md" {
        README_LINES
    } else {
        SOURCE_LINES
    };
    let lines = text.lines().count();
    if lines > most {
        findings.push(format!("{name}: {lines} lines, at most {most} are allowed"));
    }
    for (index, line) in text.lines().enumerate() {
        // Examples in the documentation are tests as well.
        let code = line.trim_start_matches(['/', '!', ' ']);
        let ignores = code.starts_with("#[ignore") || code.starts_with("```ignore");
        // A test that must be a process of its own is run by another, which its reason names.
        if ignores && !code.starts_with("#[ignore = \"run by `") {
            findings.push(format!("{name}:{}: a test is ignored", index + 1));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_and_ignored_tests_are_found() {
        let lines = |count| "//\n".repeat(count);
        assert!(check("full.rs", &lines(SOURCE_LINES)).is_empty());
        let made = format!("// @generated\n{}", lines(999));
        assert!(check("made.rs", &made).is_empty());
        let apart = "#[test]\n#[ignore = \"run by `it`\"]\nfn apart() {}\n";
        assert!(check("tests/it.rs", apart).is_empty());
        for (name, text, finding) in [
            (
                "long.rs",
                lines(501).as_str(),
                "long.rs: 501 lines, at most 500 are allowed",
            ),
            (
                "README.md",
                &lines(201),
                "README.md: 201 lines, at most 200 are allowed",
            ),
            (
                "it.rs",
                "#[test]\n    #[ignore = \"slow\"]\n",
                "it.rs:2: a test is ignored",
            ),
            (
                "main.rs",
                "//! Example:\n//! ```ignore\n",
                "main.rs:2: a test is ignored",
            ),
        ] {
            assert_eq!(check(name, text), [finding]);
        }
    }
}
