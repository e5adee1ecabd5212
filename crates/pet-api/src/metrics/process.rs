//! What the operating system knows of the process, under the names that all Prometheus clients use.

use std::time::{SystemTime, UNIX_EPOCH};

use prometheus::{Gauge, IntGauge, Registry, Result};

use super::register::gauge;

pub(super) struct Process {
    resident_memory: IntGauge,
}

impl Process {
    pub(super) fn new(all: &Registry) -> Result<Self> {
        let start = Gauge::new(
            "process_start_time_seconds",
            "Start of the service in seconds since 1970-01-01 UTC.",
        )?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        start.set(now.unwrap_or_default().as_secs_f64());
        all.register(Box::new(start))?;
        let name = "process_resident_memory_bytes";
        let help = "Resident memory in bytes; 0 where the system does not tell.";
        Ok(Self {
            resident_memory: gauge(all, name, help)?,
        })
    }

    /// Looks at what changes.
    pub(super) fn look(&self) {
        self.resident_memory.set(resident_memory().unwrap_or(0));
    }
}

/// Resident memory in bytes, as Linux tells it.
fn resident_memory() -> Option<i64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_megabytes() {
        let bytes = resident_memory().unwrap();
        assert!((1 << 20..1 << 36).contains(&bytes), "{bytes}");
    }
}
