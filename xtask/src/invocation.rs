//! Running other programs.

use std::ffi::OsStr;
use std::fmt;
use std::path::Path;
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
    Ok(ctrlc::set_handler(|| INTERRUPTED.store(true, Ordering::Relaxed))?)
}

pub(crate) fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// A command to show and run, in the workspace's root by default.
#[derive(Debug)]
pub(crate) struct Invocation(Command);

impl Invocation {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root());
        // Variables that cargo sets for this package would make build scripts that depend on them run again.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
                command.env_remove(name);
            }
        }
        Self(command)
    }

    /// A program and its arguments, separated by spaces.
    pub(crate) fn line(line: &str) -> Self {
        let (program, arguments) = line.split_once(' ').unwrap_or((line, ""));
        Self::new(program).words(arguments)
    }

    /// Adds arguments that are separated by spaces.
    pub(crate) fn words(self, line: &str) -> Self {
        self.arguments(line.split_whitespace())
    }

    pub(crate) fn argument(self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments([argument])
    }

    pub(crate) fn arguments(mut self, arguments: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.0.args(arguments);
        self
    }

    pub(crate) fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it in this folder instead of the root.
    pub(crate) fn folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Prints the command and runs it.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        eprintln!("$ {self}");
        let status = wait(self.start()?)?;
        if interrupted() { Err(Error::Interrupted) } else { self.check(status) }
    }

    /// Runs the command silently; whether it succeeds.
    pub(crate) fn succeeds(mut self) -> bool {
        self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.start().and_then(wait).is_ok_and(|status| status.success())
    }

    /// Runs the command silently; what it prints.
    pub(crate) fn output(mut self) -> Result<String, Error> {
        self.0.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let output = self.start()?.wait_with_output()?;
        self.check(output.status)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn start(&mut self) -> Result<Child, Error> {
        if interrupted() {
            return Err(Error::Interrupted);
        }
        self.0.spawn().map_err(|source| {
            let program = self.0.get_program().to_string_lossy().into_owned();
            Error::Start { program, source }
        })
    }

    fn check(&self, status: ExitStatus) -> Result<(), Error> {
        if status.success() {
            return Ok(());
        }
        Err(Error::Exit { command: self.to_string(), status })
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
        for (name, value) in self.0.get_envs() {
            if let Some(value) = value {
                write!(formatter, "{}={} ", name.display(), quoted(value))?;
            }
        }
        let program = workspace::shown(self.0.get_program().as_ref());
        write!(formatter, "{}", quoted(program.as_ref()))?;
        self.0.get_args().try_for_each(|argument| write!(formatter, " {}", quoted(argument)))
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
        let failing = || Invocation::line("cargo no-such-subcommand");
        assert!(!failing().succeeds());
        let error = failing().run().unwrap_err().to_string();
        assert!(error.starts_with("`cargo no-such-subcommand` ended with exit status"));
    }

    #[test]
    fn a_successful_program_returns_its_output() {
        let version = || Invocation::line("cargo --version");
        assert!(version().succeeds());
        assert!(version().output().unwrap().starts_with("cargo "));
    }
}
