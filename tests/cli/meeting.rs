//! The program met while it reads a file, so that a test can change what it works on in the meantime.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use crate::output::Output;

/// Far longer than the program takes to get there, even on a busy machine.
const PATIENCE: Duration = Duration::from_mins(3);

/// A program that waits for the content of a file, which is a pipe meanwhile.
pub(crate) struct Meeting {
    child: Child,
    file: fs_err::File,
}

impl Meeting {
    /// Puts a pipe in the place of `file`, and starts the program, which reads that file and so waits here.
    pub(crate) fn at(file: &Path, mut command: Command) -> Self {
        if file.exists() {
            fs_err::remove_file(file).unwrap();
        }
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut meeting = Waiting {
            child,
            opened: opened(file.to_owned()),
        };
        let file = meeting.file();
        Self {
            child: meeting.child,
            file,
        }
    }

    /// Gives the file its content, which lets the program go on; what it says and how it ends.
    pub(crate) fn go_on(self, content: &[u8]) -> Output {
        let Self { child, mut file } = self;
        std::io::Write::write_all(&mut file, content).unwrap();
        drop(file);
        child.wait_with_output().unwrap().into()
    }
}

/// A program that has not come to the pipe yet.
struct Waiting {
    child: Child,
    opened: Receiver<fs_err::File>,
}

impl Waiting {
    /// The pipe's other end, once the program has opened this one.
    fn file(&mut self) -> fs_err::File {
        let start = Instant::now();
        loop {
            match self.opened.recv_timeout(Duration::from_millis(50)) {
                Ok(file) => return file,
                Err(RecvTimeoutError::Timeout) => {}
                Err(error) => panic!("{error}"),
            }
            let ended = self.child.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > PATIENCE {
                let _ = self.child.kill();
                panic!("the program did not read the file: {ended:?}");
            }
        }
    }
}

/// Opening a pipe waits for who reads it.
fn opened(pipe: PathBuf) -> Receiver<fs_err::File> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let file = fs_err::OpenOptions::new().write(true).open(pipe).unwrap();
        let _ = sender.send(file);
    });
    receiver
}
