//! A program that is paused while it reads a file, so that a test can change other files meanwhile.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};

use crate::output::Output;
use crate::running::Running;

/// A program that waits for the content of a file, which is replaced by a named pipe.
pub(crate) struct Paused {
    program: Running,
    pipe: fs_err::File,
}

impl Paused {
    /// Replaces `file` by a named pipe, starts the program, and waits until it opens the pipe.
    pub(crate) fn at(file: &Path, command: Command) -> Self {
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
        self.pipe.write_all(content).unwrap();
        drop(self.pipe);
        self.program.output()
    }
}

/// Opens a pipe on a separate thread, because that blocks until a reader opens it too.
fn open(pipe: PathBuf) -> Receiver<fs_err::File> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let file = fs_err::OpenOptions::new().write(true).open(pipe).unwrap();
        let _ = sender.send(file);
    });
    receiver
}
