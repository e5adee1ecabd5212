//! The services that are measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::super::process::Process;
use super::http;
use crate::ci::python;
use crate::error::Error;
use crate::workspace::{self, Profile};

/// Longest time that a service may take to start.
const PATIENCE: Duration = Duration::from_mins(1);

/// A service that can be started.
pub(super) struct Contender {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    folder: PathBuf,
}

/// A service that runs; it is ended when dropped.
pub(super) struct Running {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) process: Process,
    /// From the start of the process to the first prediction.
    pub(super) took: Duration,
}

impl Contender {
    /// This workspace's service.
    pub(super) fn ours(results: &Path) -> Result<Self, Error> {
        let cache = std::path::absolute(workspace::cache())?;
        let arguments = [
            "serve",
            "--log-level=warn",
            "--results",
            &results.to_string_lossy(),
            "--cache-dir",
            &cache.to_string_lossy(),
            "--port",
        ];
        Ok(Self {
            name: "pet-cli serve",
            program: workspace::program(Profile::Release, "pet-cli"),
            arguments: arguments.map(str::to_owned).to_vec(),
            folder: results.to_owned(),
        })
    }

    /// `FastAPI` with two workers, or why it cannot be had.
    pub(super) fn peer(file: &Path, results: &Path) -> Result<Result<Self, String>, Error> {
        if !file.is_file() {
            return Ok(Err(format!("there is no `{}`", file.display())));
        }
        python::BENCH.make()?;
        let Some(program) = python::BENCH.usable() else {
            return Ok(Err("its Python environment cannot be made".into()));
        };
        let module = file.file_stem().unwrap_or_default().to_string_lossy();
        let folder = std::path::absolute(file)?;
        let folder = folder.parent().unwrap_or(&folder).to_string_lossy();
        let arguments = [
            "-m",
            "uvicorn",
            &format!("{module}:app"),
            "--app-dir",
            &folder,
            "--workers",
            "2",
            "--log-level",
            "warning",
            "--port",
        ];
        Ok(Ok(Self {
            name: "FastAPI",
            program,
            arguments: arguments.map(str::to_owned).to_vec(),
            folder: results.to_owned(),
        }))
    }

    /// Starts it and waits for its first answer.
    pub(super) fn start(&self, photograph: &[u8]) -> Result<Running, Error> {
        let port = http::free_port()?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.arguments)
            .arg(port.to_string())
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        let start = Instant::now();
        let process = Process::start(&mut command)?;
        while !http::predicts(port, photograph) {
            if start.elapsed() > PATIENCE {
                let message = format!("`{}` does not answer", self.name);
                return Err(Error::Usage { message });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Running {
            name: self.name,
            port,
            took: start.elapsed(),
            process,
        })
    }
}
