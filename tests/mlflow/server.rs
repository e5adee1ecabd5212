//! MLflow's servers, each in its own process group.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::python;

/// A server on a free port of this machine.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// A tracking server on `server.db` in the folder, or on another store.
    pub(crate) fn tracking(python: &Path, folder: &Path, store: &str, port: u16) -> Self {
        let arguments = ["server", "--workers", "1", "--backend-store-uri", store];
        Self::start(python, folder, &arguments, port)
    }

    /// Starts `mlflow ARGUMENTS`, and waits until it responds.
    pub(crate) fn start(python: &Path, folder: &Path, arguments: &[&str], port: u16) -> Self {
        let log = fs_err::File::create(folder.join("server.log")).unwrap();
        let mut command = python::command(python, folder);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .args(["-m", "mlflow"])
            .args(arguments)
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(log.into_file())
            .spawn()
            .unwrap();
        let mut server = Self { child, port };
        let patience = Instant::now() + Duration::from_mins(3);
        while !server.answers() {
            let ended = server.child.try_wait().unwrap().is_some();
            let log = || fs_err::read_to_string(folder.join("server.log")).unwrap();
            assert!(!ended && Instant::now() < patience, "no server: {}", log());
            std::thread::sleep(Duration::from_millis(100));
        }
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            let host = format!("127.0.0.1:{}", self.port);
            let request =
                format!("GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    /// Kills the server, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.signal("-KILL");
        let _ = self.child.wait();
    }

    /// Signals the process group, with all workers.
    fn signal(&self, signal: &str) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args([signal, "--", &group]).stderr(Stdio::null()).status();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        self.signal("-TERM");
        let patience = Instant::now() + Duration::from_secs(5);
        while Instant::now() < patience && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        self.kill();
    }
}

/// A free port.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
