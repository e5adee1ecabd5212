//! A program to run, with its arguments and environment.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::{interrupt, workspace};

/// How often a running program is looked at.
const POLL: Duration = Duration::from_millis(10);

/// How long a program may take to end after Ctrl-C before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// A command line that can be shown and run. It runs in the workspace's root, if no other folder is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invocation {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(&'static str, OsString)>,
    folder: PathBuf,
}

impl Invocation {
    pub(crate) fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            environment: Vec::new(),
            folder: workspace::root().to_owned(),
        }
    }

    /// `cargo` with a line of arguments that hold no spaces.
    pub(crate) fn cargo(line: &str) -> Self {
        Self::new("cargo").arguments(line.split_whitespace())
    }

    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(crate) fn arguments<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item: Into<OsString>>,
    {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn environment(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Runs it in another folder than the root.
    pub(crate) fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Shows the command, runs it to its end, and fails if it fails.
    pub(crate) fn run(&self) -> Result<(), Error> {
        eprintln!("$ {self}");
        let status = wait(self.start(&mut self.command())?)?;
        // The shell's view: what ended because of Ctrl-C did not fail.
        if interrupt::requested() {
            return Err(Error::Interrupted);
        }
        if status.success() {
            return Ok(());
        }
        let command = self.to_string();
        Err(Error::Exit { command, status })
    }

    /// Whether the command can be run and succeeds; says nothing.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        self.start(&mut command)
            .and_then(wait)
            .is_ok_and(|status| status.success())
    }

    /// What the command prints; fails if it fails.
    pub(crate) fn output(&self) -> Result<String, Error> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let output = command.output().map_err(|source| Error::Start {
            program: self.program.to_string_lossy().into_owned(),
            source,
        })?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let (command, status) = (self.to_string(), output.status);
        Err(Error::Exit { command, status })
    }

    fn start(&self, command: &mut Command) -> Result<Child, Error> {
        if interrupt::requested() {
            return Err(Error::Interrupted);
        }
        command.spawn().map_err(|source| Error::Start {
            program: self.program.to_string_lossy().into_owned(),
            source,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned());
        // What cargo told this program about its own package makes build scripts that look at
        // these variables run again.
        for (name, _) in std::env::vars_os() {
            if let Some(text) = name.to_str()
                && (text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_"))
            {
                command.env_remove(name);
            }
        }
        command
    }
}

/// Waits for a program; after Ctrl-C not for ever.
fn wait(mut child: Child) -> Result<ExitStatus, Error> {
    let mut deadline = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let now = Instant::now();
        if interrupt::requested() && now > *deadline.get_or_insert(now + GRACE) {
            child.kill()?;
        }
        std::thread::sleep(POLL);
    }
}

/// As one would type it into a shell in the workspace's root.
impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        let program = workspace::shown(self.program.as_ref());
        write!(formatter, "{}", quoted(program.as_ref()))?;
        self.arguments
            .iter()
            .try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

/// A word as a POSIX shell takes it.
pub(crate) fn quoted(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_as_one_would_type_it() {
        let program = workspace::root().join("target/release/pet-cli");
        let invocation = Invocation::new(program)
            .arguments(["predict", "--json"])
            .argument("a cat's.jpg")
            .environment("PET_RESULTS", "/my results");
        assert_eq!(
            invocation.to_string(),
            r"PET_RESULTS='/my results' target/release/pet-cli predict --json 'a cat'\''s.jpg'"
        );
        assert_eq!(quoted("".as_ref()), "''");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = Invocation::new("no-such-program").run().unwrap_err();
        assert!(matches!(error, Error::Start { program, .. } if program == "no-such-program"));
        assert!(!Invocation::new("no-such-program").succeeds());
    }

    #[test]
    fn a_failing_program_is_a_failure() {
        let failing = Invocation::cargo("no-such-subcommand");
        assert!(!failing.succeeds());
        let error = failing.run().unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-subcommand` ended with exit status"));
    }

    #[test]
    fn a_program_that_succeeds() {
        let version = Invocation::cargo("--version");
        assert!(version.succeeds());
        assert!(version.output().unwrap().starts_with("cargo "));
    }
}
