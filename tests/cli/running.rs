//! A program that runs in the background.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::output::Output;

/// Far longer than a test waits for anything, even on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(3);

/// A program that runs in the background, with its output captured.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(command.spawn().unwrap())
    }

    /// Waits until `find` returns a value. Fails if the program ends before.
    pub(crate) fn wait_for<T>(&mut self, mut find: impl FnMut() -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(found) = find() {
                return found;
            }
            let ended = self.0.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > TIMEOUT {
                let _ = self.0.kill();
                panic!("timeout, or the program ended too early: {ended:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGINT as Ctrl-C does, and waits for the end.
    #[cfg(unix)]
    pub(crate) fn interrupt(mut self) -> Output {
        let id = self.0.id().to_string();
        let status = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(status.success());
        let start = Instant::now();
        while self.0.try_wait().unwrap().is_none() {
            if start.elapsed() > TIMEOUT {
                let _ = self.0.kill();
                panic!("the program did not stop");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.output()
    }

    pub(crate) fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for the end.
    pub(crate) fn output(self) -> Output {
        self.0.wait_with_output().unwrap().into()
    }
}
