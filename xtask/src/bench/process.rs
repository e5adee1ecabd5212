//! A process and its children.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::error::Error;

/// A running process, ended when dropped.
pub(super) struct Process(Child);

impl Process {
    pub(super) fn start(command: &mut Command) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn();
        let child = child.map_err(|source| Error::Start { program, source })?;
        Ok(Self(child))
    }

    /// Memory of the process and its children that is in use, in megabytes; only on Linux.
    pub(super) fn resident(&self) -> f64 {
        resident(self.0.id()) as f64 / 1000.0
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Politely first, so that a process with children can end them.
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &id]).status();
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(10) {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Kilobytes of a process and those below it.
fn resident(id: u32) -> u64 {
    let status = fs_err::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let children = fs_err::read_to_string(format!("/proc/{id}/task/{id}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    kilobytes(&status) + children.map(resident).sum::<u64>()
}

/// The resident memory that the kernel's description of a process tells, in thousands of bytes.
fn kilobytes(status: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.map(str::split_whitespace);
    let kibibytes = words.and_then(|mut words| words.next()?.parse::<u64>().ok());
    kibibytes.unwrap_or_default() * 1024 / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words() {
        assert_eq!(
            kilobytes("Name:\tx\nVmRSS:\t    2000 kB\nThreads:\t3\n"),
            2048
        );
        assert_eq!(kilobytes(""), 0);
    }
}
