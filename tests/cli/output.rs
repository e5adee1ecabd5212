//! Exit status and output of the program.

use std::process::{self, Command};

use serde_json::Value;

#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Output {
    pub(crate) fn of(command: &mut Command) -> Self {
        command.output().unwrap().into()
    }

    /// Checks that the program succeeded, and returns its standard output.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.stdout
    }

    /// Checks that the program succeeded, and parses its standard output.
    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// Checks that the program failed properly: status 1, one `error: ` line, at most one hint, no panic.
    #[track_caller]
    pub(crate) fn refused(self) -> Self {
        assert_eq!(self.status, Some(1), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        let starting =
            |prefix: &str| self.stderr.lines().filter(|line| line.starts_with(prefix)).count();
        assert_eq!(starting("error: "), 1, "{}", self.stderr);
        assert!(starting("hint: ") <= 1, "{}", self.stderr);
        self
    }

    /// Checks that the error message contains all `parts`.
    #[track_caller]
    pub(crate) fn naming(self, parts: &[&str]) -> Self {
        let start = self.stderr.find("error: ").unwrap_or_default();
        let end = self.stderr.find("\nhint: ").unwrap_or(self.stderr.len());
        let error = &self.stderr[start..end];
        for part in parts {
            assert!(error.contains(part), "no `{part}` in:\n{}", self.stderr);
        }
        self
    }

    /// Checks that there is a hint that contains `part`.
    #[track_caller]
    pub(crate) fn hinting(self, part: &str) -> Self {
        let hint = self.stderr.lines().find_map(|line| line.strip_prefix("hint: "));
        assert!(hint.is_some_and(|hint| hint.contains(part)), "{}", self.stderr);
        self
    }
}

impl From<process::Output> for Output {
    fn from(output: process::Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
