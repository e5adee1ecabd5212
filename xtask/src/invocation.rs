//! Running other programs.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::workspace;

const POLL: Duration = Duration::from_millis(10);

/// Time that a program has to stop after Ctrl-C before it is killed.
const GRACE: Duration = Duration::from_secs(20);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Handles Ctrl-C and termination signals from now on: this program waits for the running one, which the terminal also
/// interrupts, so that it can clean up.
pub(crate) fn handle_interrupts() -> Result<(), Error> {
    ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))
        .map_err(|source| Error::Handler { source })
}

pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A command line to show and run, in the workspace's root by default.
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

    /// `cargo` with arguments separated by spaces.
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

    /// Runs it in this folder instead of the root.
    pub(crate) fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = folder.into();
        self
    }

    /// Prints the command and runs it.
    pub(crate) fn run(&self) -> Result<(), Error> {
        eprintln!("$ {self}");
        let status = wait(self.start(&mut self.command())?)?;
        if interrupted() { Err(Error::Interrupted) } else { self.check(status) }
    }

    /// Runs the command silently; whether it succeeds.
    pub(crate) fn succeeds(&self) -> bool {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.start(&mut command).and_then(wait).is_ok_and(|status| status.success())
    }

    /// Runs the command silently; what it prints.
    pub(crate) fn output(&self) -> Result<String, Error> {
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let output = self.start(&mut command)?.wait_with_output()?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn start(&self, command: &mut Command) -> Result<Child, Error> {
        if interrupted() {
            return Err(Error::Interrupted);
        }
        command.spawn().map_err(|source| {
            let program = self.program.to_string_lossy().into_owned();
            Error::Start { program, source }
        })
    }

    fn check(&self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Exit { command: self.to_string(), status })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .current_dir(&self.folder)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned());
        // Variables that cargo sets for this package would make build scripts that depend on them run again.
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

fn wait(mut child: Child) -> Result<ExitStatus, Error> {
    let mut deadline = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        let now = Instant::now();
        if interrupted() && now > *deadline.get_or_insert(now + GRACE) {
            child.kill()?;
        }
        std::thread::sleep(POLL);
    }
}

/// Formatted for a shell in the workspace's root.
impl fmt::Display for Invocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(formatter, "{name}={} ", quoted(value))?;
        }
        let program = workspace::shown(self.program.as_ref());
        write!(formatter, "{}", quoted(program.as_ref()))?;
        self.arguments.iter().try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
    }
}

/// A word, quoted for a POSIX shell where necessary.
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
    fn commands_are_shown_quoted_and_relative_to_the_root() {
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
    fn a_missing_program_is_an_error() {
        let error = Invocation::new("no-such-program").run().unwrap_err();
        assert!(matches!(error, Error::Start { program, .. } if program == "no-such-program"));
        assert!(!Invocation::new("no-such-program").succeeds());
    }

    #[test]
    fn a_failing_program_is_an_error() {
        let failing = Invocation::cargo("no-such-subcommand");
        assert!(!failing.succeeds());
        let error = failing.run().unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-subcommand` ended with exit status"));
    }

    #[test]
    fn a_successful_program_returns_its_output() {
        let version = Invocation::cargo("--version");
        assert!(version.succeeds());
        assert!(version.output().unwrap().starts_with("cargo "));
    }
}
