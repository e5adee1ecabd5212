//! House rules that no other tool checks.

use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::Outcome;
use crate::workspace;

/// Maximum lines of a source file.
const SOURCE_LINES: usize = 500;

/// Maximum lines of the README.
const README_LINES: usize = 200;

pub(super) fn run() -> Result<Outcome, Error> {
    let files = tracked("*.rs README.md")?;
    let mut findings = Vec::new();
    for file in &files {
        let path = workspace::root().join(file);
        // Deleted files are listed until that is committed.
        if path.is_file() {
            findings.extend(check(file, &fs_err::read_to_string(path)?));
        }
    }
    if findings.is_empty() {
        return Ok(Outcome::done(format!("{} files", files.len())));
    }
    Err(Error::Untidy { findings })
}

/// The tracked and new files that match any of these patterns, which are separated by spaces.
pub(super) fn tracked(patterns: &str) -> Result<Vec<String>, Error> {
    let list = Invocation::line("git ls-files --cached --others --exclude-standard --");
    let files = list.words(patterns).output()?;
    Ok(files.lines().map(str::to_owned).collect())
}

/// The violations in a file.
fn check(name: &str, text: &str) -> Vec<String> {
    let first = text.lines().next().unwrap_or_default();
    if first.contains("@generated") {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let max = if name == "README.md" { README_LINES } else { SOURCE_LINES };
    let lines = text.lines().count();
    if lines > max {
        findings.push(format!("{name}: {lines} lines, at most {max} are allowed"));
    }
    for (index, line) in text.lines().enumerate() {
        // Also in documentation, whose examples are tests.
        let code = line.trim_start_matches(['/', '!', ' ']);
        let ignores = code.starts_with("#[ignore") || code.starts_with("```ignore");
        // A test that must be its own process is run by another test, which the reason names.
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
    fn long_files_and_ignored_tests_are_violations() {
        let lines = |count| "//\n".repeat(count);
        assert!(check("full.rs", &lines(SOURCE_LINES)).is_empty());
        let generated = format!("// @generated\n{}", lines(999));
        assert!(check("generated.rs", &generated).is_empty());
        let separate = "#[test]\n#[ignore = \"run by `it`\"]\nfn separate() {}\n";
        assert!(check("tests/it.rs", separate).is_empty());
        for (name, text, finding) in [
            ("long.rs", lines(501).as_str(), "long.rs: 501 lines, at most 500 are allowed"),
            ("README.md", &lines(201), "README.md: 201 lines, at most 200 are allowed"),
            ("it.rs", "#[test]\n    #[ignore = \"slow\"]\n", "it.rs:2: a test is ignored"),
            ("main.rs", "//! Example:\n//! ```ignore\n", "main.rs:2: a test is ignored"),
        ] {
            assert_eq!(check(name, text), [finding]);
        }
    }
}
