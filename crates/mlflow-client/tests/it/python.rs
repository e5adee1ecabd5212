//! MLflow's own Python client and server, where there are any.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A Python that has MLflow: `PET_MLFLOW_PYTHON`, else the one in the workspace's cache. Says so
/// and returns none where there is neither.
pub(crate) fn find() -> Option<PathBuf> {
    let cached = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/mlflow-env/bin/python");
    let python = std::env::var_os("PET_MLFLOW_PYTHON").map_or(cached, PathBuf::from);
    if python.is_file() {
        return Some(python);
    }
    let thread = std::thread::current();
    let test = thread.name().unwrap_or_default();
    let _ = writeln!(
        std::io::stderr(),
        "skipped: {test}: no Python with MLflow at {}",
        python.display()
    );
    None
}

fn command(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command
        .current_dir(folder)
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env("DO_NOT_TRACK", "true")
        // Eight processes for background work that nobody asks for here.
        .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
        .env_remove("MLFLOW_TRACKING_URI");
    command
}

/// What `tests/data/look.py` finds in a store, as JSON.
pub(crate) fn look(python: &Path, folder: &Path, uri: &str) -> serde_json::Value {
    run(python, folder, "look.py", uri)
}

/// What `tests/data/look_at_models.py` finds in a store, as JSON.
pub(crate) fn look_at_models(python: &Path, folder: &Path, uri: &str) -> serde_json::Value {
    run(python, folder, "look_at_models.py", uri)
}

fn run(python: &Path, folder: &Path, script: &str, uri: &str) -> serde_json::Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(script);
    let output = command(python, folder).arg(script).arg(uri).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A server of MLflow's, ended with its children when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
}

impl Server {
    /// Starts a server on a free port of this machine and waits until it answers.
    pub(crate) fn start(python: &Path, folder: &Path, arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = fs_err::File::create(folder.join("server.log")).unwrap();
        let mut command = command(python, folder);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command
            .args(["-m", "mlflow", "server", "--host", "127.0.0.1", "--workers", "1"])
            .args(["--port", &port.to_string()])
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(log.into_file())
            .spawn()
            .unwrap();
        let mut server = Self { child, url: format!("http://127.0.0.1:{port}") };
        server.wait(port, &folder.join("server.log"));
        server
    }

    fn wait(&mut self, port: u16, log: &Path) {
        let patience = Instant::now() + Duration::from_secs(120);
        while !answers(port) {
            let ended = self.child.try_wait().unwrap().is_some();
            let hopeful = !ended && Instant::now() < patience;
            assert!(hopeful, "no server: {}", fs_err::read_to_string(log).unwrap());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn answers(port: u16) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        let request =
            format!("GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its process group is its own: the workers end with it.
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-TERM", "--", &group]).status();
        let patience = Instant::now() + Duration::from_secs(5);
        while Instant::now() < patience && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
        let _ = self.child.wait();
    }
}
