//! Why a task failed.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::process::ExitStatus;

/// A failure of a task. The program that failed has said on its own what was wrong.
#[derive(Debug)]
pub(crate) enum Error {
    /// A program could not be started.
    Start { program: String, source: io::Error },
    /// A program ended with another status than 0.
    Exit { command: String, status: ExitStatus },
    /// A file could not be read or written; the cause names it.
    File { source: io::Error },
    /// The signal handler could not be set.
    Handler { source: ctrlc::Error },
    /// Ctrl-C, or a signal to end.
    Interrupted,
    /// What was asked for cannot be.
    Usage { message: String },
    /// Files that break a rule of this workspace.
    Untidy { findings: Vec<String> },
    /// A release's tag names another version than that of Cargo.toml.
    Tag { tag: String, version: &'static str },
    /// A model that does not pass its tests, so that nothing is built from it.
    Model { results: String, source: Box<Error> },
    /// One of several steps failed.
    Step { name: String, source: Box<Error> },
}

impl Error {
    pub(crate) fn in_step(name: &str, error: Self) -> Self {
        Self::Step {
            name: name.to_owned(),
            source: Box::new(error),
        }
    }

    /// 2 for wrong usage, 130 after Ctrl-C as shells have it, else 1.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Interrupted => 130,
            Self::Model { source, .. } | Self::Step { source, .. } => source.exit_status(),
            _ => 1,
        }
    }

    /// The message with its causes, a line for each.
    pub(crate) fn described(&self) -> String {
        let mut lines = vec![format!("error: {self}")];
        let mut cause = self.source();
        while let Some(error) = cause {
            lines.push(format!("  caused by: {error}"));
            cause = error.source();
        }
        lines.extend(self.hint().map(|hint| format!("hint: {hint}")));
        lines.join("\n") + "\n"
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Start { program, source } if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("install `{program}`, or add its folder to `PATH`"))
            }
            Self::Tag { version, .. } => Some(format!(
                "set `version` in Cargo.toml, or make the tag `v{version}`"
            )),
            Self::Model { source, .. } | Self::Step { source, .. } => source.hint(),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start { program, .. } => write!(formatter, "cannot start `{program}`"),
            Self::Exit { command, status } => {
                write!(formatter, "`{command}` ended with {status}")
            }
            Self::File { .. } => write!(formatter, "a file could not be read or written"),
            Self::Handler { .. } => write!(formatter, "cannot listen for Ctrl-C"),
            Self::Interrupted => write!(formatter, "interrupted"),
            Self::Usage { message } => write!(formatter, "{message}"),
            Self::Untidy { findings } => {
                write!(formatter, "{} untidy places", findings.len())?;
                findings
                    .iter()
                    .try_for_each(|finding| write!(formatter, "\n  {finding}"))
            }
            Self::Tag { tag, version } => write!(
                formatter,
                "the tag is `{tag}`, but Cargo.toml has the version {version}"
            ),
            Self::Model { results, .. } => {
                write!(
                    formatter,
                    "the model in `{results}` fails its tests: no image is built"
                )
            }
            Self::Step { name, .. } => write!(formatter, "`{name}` failed"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Start { source, .. } | Self::File { source } => Some(source),
            Self::Handler { source } => Some(source),
            Self::Model { source, .. } | Self::Step { source, .. } => Some(source),
            Self::Exit { .. }
            | Self::Interrupted
            | Self::Usage { .. }
            | Self::Untidy { .. }
            | Self::Tag { .. } => None,
        }
    }
}

impl From<io::Error> for Error {
    fn from(source: io::Error) -> Self {
        Self::File { source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(error: Error) -> Error {
        Error::in_step("train", error)
    }

    #[test]
    fn the_status_is_that_of_the_cause() {
        let message = "no".to_owned();
        assert_eq!(step(Error::Usage { message }).exit_status(), 2);
        assert_eq!(step(step(Error::Interrupted)).exit_status(), 130);
        let source = io::Error::other("disk");
        assert_eq!(step(Error::File { source }).exit_status(), 1);
    }

    #[test]
    fn causes_and_hint_follow_the_message() {
        let error = step(Error::Start {
            program: "python3".into(),
            source: io::ErrorKind::NotFound.into(),
        });
        assert_eq!(
            error.described(),
            "error: `train` failed\n  caused by: cannot start `python3`\n  \
             caused by: entity not found\n\
             hint: install `python3`, or add its folder to `PATH`\n"
        );
    }
}
