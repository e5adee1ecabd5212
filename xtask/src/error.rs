use std::error::Error as _;
use std::io;
use std::process::ExitStatus;

/// Why a task failed. A program that failed has already printed its own error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot start `{program}`")]
    Start { program: String, source: io::Error },
    #[error("`{command}` ended with {status}")]
    Exit { command: String, status: ExitStatus },
    /// `source` names the file.
    #[error("cannot read or write a file")]
    File(#[from] io::Error),
    #[error("cannot listen for Ctrl-C")]
    Handler(#[from] ctrlc::Error),
    /// Ctrl-C or a termination signal.
    #[error("interrupted")]
    Interrupted,
    /// Invalid arguments, or something that this machine cannot do.
    #[error("{0}")]
    Usage(String),
    #[error("{} violations of the house rules\n  {}", findings.len(), findings.join("\n  "))]
    Untidy { findings: Vec<String> },
    #[error("the tag is `{tag}`, but the version in Cargo.toml is {version}")]
    Tag { tag: String, version: &'static str },
    #[error("the model in `{results}` fails its tests: no image is built")]
    Model { results: String, source: Box<Error> },
    #[error("`{name}` failed")]
    Step { name: String, source: Box<Error> },
}

impl Error {
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Usage(message.into())
    }

    /// 2 for incorrect usage, 130 after Ctrl-C (as in shells), otherwise 1.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Interrupted => 130,
            Self::Model { source, .. } | Self::Step { source, .. } => source.exit_status(),
            _ => 1,
        }
    }

    /// The message, its causes and the hint, one per line.
    pub(crate) fn report(&self) -> String {
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
            Self::Tag { version, .. } => {
                Some(format!("set `version` in Cargo.toml, or use the tag `v{version}`"))
            }
            Self::Model { source, .. } | Self::Step { source, .. } => source.hint(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_status_and_hint_of_its_cause() {
        let step = |error| {
            let (name, source) = ("train".to_owned(), Box::new(error));
            Error::Step { name, source }
        };
        assert_eq!(step(Error::usage("no")).exit_status(), 2);
        assert_eq!(step(step(Error::Interrupted)).exit_status(), 130);
        let error = step(Error::Start {
            program: "python3".into(),
            source: io::ErrorKind::NotFound.into(),
        });
        assert_eq!(error.exit_status(), 1);
        assert_eq!(
            error.report(),
            "error: `train` failed\n  caused by: cannot start `python3`\n  \
             caused by: entity not found\n\
             hint: install `python3`, or add its folder to `PATH`\n"
        );
    }
}
