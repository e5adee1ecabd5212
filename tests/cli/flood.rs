//! `docker/flood.py`: the largest uploads that are allowed, with the memory limit of the container.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use pet_tests::{root, skipped};
use serde_json::Value;

use crate::test_dir::TestDir;

/// The memory limit of the manifests in bytes.
const MEMORY: u64 = 512 << 20;

/// A process that is killed when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for the service's address in its log.
fn address(dir: &TestDir, log: &str) -> String {
    let start = Instant::now();
    loop {
        let text = fs_err::read_to_string(dir.path(log)).unwrap();
        let entries = text.lines().filter_map(|line| serde_json::from_str(line).ok());
        let address = entries
            .into_iter()
            .find_map(|entry: Value| Some(entry["address"].as_str()?.to_owned()));
        if let Some(address) = address {
            return address;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "{text}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_largest_uploads_stay_within_the_memory_limit() {
    if Command::new("python3").arg("--version").output().is_err() {
        skipped("there is no python3");
        return;
    }
    let Some(dir) = TestDir::with_model() else { return };
    let (log, _) = fs_err::File::create(dir.path("log")).unwrap().into_parts();
    let serve = format!("serve --port 0 --memory {MEMORY} --workers 2 --log-format json");
    let service = Running(dir.command(&serve).stderr(log).spawn().unwrap());
    let mut flood = Command::new("python3");
    flood.arg(root().join("docker/flood.py")).arg(address(&dir, "log"));
    flood.args(["--seconds", "6", "--memory", &MEMORY.to_string()]);
    let flood = flood.args(["--pid", &service.0.id().to_string()]).output().unwrap();
    let (said, faults) =
        (String::from_utf8_lossy(&flood.stdout), String::from_utf8_lossy(&flood.stderr));
    assert!(flood.status.success(), "{said}{faults}");
    assert!(said.contains("peak memory"), "{said}");
}
