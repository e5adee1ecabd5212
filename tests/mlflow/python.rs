//! MLflow in Python: its client, and its servers, each in its own process group.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pet_tests::{root, skipped};
use serde_json::Value;

/// A Python with MLflow.
pub(crate) fn find() -> Option<PathBuf> {
    let cached = root().join(".cache/mlflow-env/bin/python");
    let python = std::env::var_os("PET_MLFLOW_PYTHON").map_or(cached, PathBuf::from);
    if python.is_file() {
        return Some(python);
    }
    skipped(format_args!("no Python with MLflow at `{}`", python.display()));
    None
}

/// Python with an environment in which MLflow makes no requests to other hosts and starts no unneeded processes.
pub(crate) fn command(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(folder)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env("DO_NOT_TRACK", "true")
        .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        .env_remove("MLFLOW_TRACKING_URI");
    command
}

/// Runs a script of this folder, and returns the JSON in the last line of its output.
pub(crate) fn run(
    python: &Path,
    folder: &Path,
    script: &str,
    uri: &str,
    files: &[PathBuf],
) -> Value {
    let output = command(python, folder)
        .arg(root().join("tests/mlflow").join(script))
        .arg(uri)
        .args(files)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script} {uri}\n{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"))
}

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
        let mut mlflow = command(python, folder);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut mlflow, 0);
        let child = mlflow
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
