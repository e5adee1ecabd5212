//! A program that runs in the background, or is paused while it reads a file, so that a test can change other files meanwhile.

use std::process::{Child, Command, Stdio};
#[cfg(unix)]
use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::test_dir::Output;

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

/// A program that waits for the content of a file, which is replaced by a named pipe.
#[cfg(unix)]
pub(crate) struct Paused {
    program: Running,
    pipe: fs_err::File,
}

#[cfg(unix)]
impl Paused {
    /// Replaces `file` by a named pipe, starts the program, and waits until it opens the pipe.
    pub(crate) fn at(file: &std::path::Path, command: Command) -> Self {
        if file.exists() {
            fs_err::remove_file(file).unwrap();
        }
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        let mut program = Running::start(command);
        let opened = open(file.to_owned());
        let pipe = program.wait_for(|| opened.try_recv().ok());
        Self { program, pipe }
    }

    /// Writes the file's content to the pipe, and waits for the program's end.
    pub(crate) fn resume(mut self, content: &[u8]) -> Output {
        std::io::Write::write_all(&mut self.pipe, content).unwrap();
        drop(self.pipe);
        self.program.output()
    }
}

/// Opens a pipe on a separate thread, because that blocks until a reader opens it too.
#[cfg(unix)]
fn open(pipe: std::path::PathBuf) -> mpsc::Receiver<fs_err::File> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let file = fs_err::OpenOptions::new().write(true).open(pipe).unwrap();
        let _ = sender.send(file);
    });
    receiver
}
