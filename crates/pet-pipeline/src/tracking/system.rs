//! System metrics, with the names and units of MLflow's own client (its package `system_metrics`).

use std::io;

use fs_err as fs;

/// MLflow shows metrics with this prefix on a separate page.
pub(super) const PREFIX: &str = "system/";
const MEGABYTE: f64 = 1e6;

/// Names without the prefix, and values.
pub(super) type Sample = Vec<(&'static str, f64)>;

/// Cumulative counters.
#[derive(Clone, Copy)]
struct Counters {
    /// Ticks of all processors.
    total: f64,
    idle: f64,
    received: f64,
    sent: f64,
}

/// Samples the metrics of a Linux machine.
pub(super) struct System {
    /// At the start, for network traffic.
    first: Counters,
    /// At the last sample, for CPU utilization.
    last: Counters,
}

impl System {
    pub(super) fn new() -> io::Result<Self> {
        let first = Counters::read()?;
        Ok(Self { first, last: first })
    }

    pub(super) fn sample(&mut self) -> io::Result<Sample> {
        let (now, last) = (Counters::read()?, self.last);
        self.last = now;
        let (ticks, idle) = (now.total - last.total, now.idle - last.idle);
        let busy = 100.0 * ((ticks - idle) / ticks.max(1.0)).clamp(0.0, 1.0);
        let mut sample = vec![("cpu_utilization_percentage", busy)];
        sample.extend(memory(&fs::read_to_string("/proc/meminfo")?)?);
        sample.extend(disk()?);
        let traffic = |now: f64, first: f64| (now - first) / MEGABYTE;
        sample.extend([
            ("network_receive_megabytes", traffic(now.received, self.first.received)),
            ("network_transmit_megabytes", traffic(now.sent, self.first.sent)),
        ]);
        Ok(sample)
    }
}

impl Counters {
    fn read() -> io::Result<Self> {
        let (total, idle) = processors(&fs::read_to_string("/proc/stat")?)?;
        let (received, sent) = network(&fs::read_to_string("/proc/net/dev")?)?;
        Ok(Self { total, idle, received, sent })
    }
}

/// Total and idle ticks of all processors, from the first line of `/proc/stat`.
fn processors(stat: &str) -> io::Result<(f64, f64)> {
    let ticks = stat.lines().next().and_then(|line| line.strip_prefix("cpu "));
    let ticks: Vec<f64> = ticks.map(numbers).unwrap_or_default();
    // user, nice, system, idle, iowait, irq, softirq, steal; `user` includes guests.
    let [_, _, _, idle, waiting, ..] = ticks.get(..8).unwrap_or_default() else {
        return Err(unknown("/proc/stat"));
    };
    Ok((ticks.iter().take(8).sum(), idle + waiting))
}

/// Memory that is not available to programs.
fn memory(info: &str) -> io::Result<Sample> {
    let kibibytes = |name: &str| {
        let line = info.lines().find_map(|line| line.strip_prefix(name));
        let value = line.and_then(|rest| numbers(rest).first().copied());
        value.ok_or_else(|| unknown("/proc/meminfo"))
    };
    let (total, available) = (kibibytes("MemTotal:")?, kibibytes("MemAvailable:")?);
    let used = total - available;
    Ok(vec![
        ("system_memory_usage_megabytes", used * 1024.0 / MEGABYTE),
        ("system_memory_usage_percentage", 100.0 * used / total.max(1.0)),
    ])
}

#[cfg(not(unix))]
fn disk() -> io::Result<Sample> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The root file system, as `df` counts: reserved blocks are neither used nor free.
#[cfg(unix)]
fn disk() -> io::Result<Sample> {
    let disk = rustix::fs::statvfs("/")?;
    let bytes = |blocks: u64| blocks as f64 * disk.f_frsize as f64;
    let used = bytes(disk.f_blocks.saturating_sub(disk.f_bfree));
    let free = bytes(disk.f_bavail);
    Ok(vec![
        ("disk_usage_percentage", 100.0 * used / (used + free).max(1.0)),
        ("disk_usage_megabytes", used / MEGABYTE),
        ("disk_available_megabytes", free / MEGABYTE),
    ])
}

/// Received and sent bytes of all interfaces: the first and the ninth number of each line of `/proc/net/dev`.
fn network(devices: &str) -> io::Result<(f64, f64)> {
    // Headings have no colon; names of interfaces may contain one.
    let lines = devices.lines().filter_map(|line| line.rsplit_once(':'));
    let mut counts = lines.map(|(_, counts)| numbers(counts));
    counts.try_fold((0.0, 0.0), |(received, sent), counts| {
        let [first, .., ninth] = counts.get(..9).unwrap_or_default() else {
            return Err(unknown("/proc/net/dev"));
        };
        Ok((received + first, sent + ninth))
    })
}

/// The leading numbers of a line.
fn numbers(text: &str) -> Vec<f64> {
    let words = text.split_whitespace();
    words.map_while(|word| word.parse().ok()).collect()
}

fn unknown(file: &str) -> io::Error {
    let text = format!("`{file}` is not what Linux writes");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_files_are_parsed() {
        let (total, idle) = processors("cpu  10 1 5 70 4 1 2 7 3 0\ncpu0 1 2 3\n").unwrap();
        assert_eq!((total, idle), (100.0, 74.0));
        let info = "MemTotal:       2000 kB\nMemFree: 1 kB\nMemAvailable:    500 kB\n";
        let expected = [1500.0 * 1024.0 / 1e6, 75.0];
        for ((_, value), expected) in memory(info).unwrap().into_iter().zip(expected) {
            assert!((value - expected).abs() < 1e-9);
        }
        let devices = "Inter-| Receive | Transmit\n face |bytes |bytes\n\
                       lo: 5 0 0 0 0 0 0 0 7 0\n  eth0:1: 10 1 1 1 1 1 1 1 20 1\n";
        assert_eq!(network(devices).unwrap(), (15.0, 27.0));
    }

    #[test]
    fn invalid_proc_files_are_errors() {
        for text in ["", "cpu", "cpu  1 2 3", "intr 1 2 3 4 5 6 7 8 9", "cpu  a b c d e f g h"] {
            assert!(processors(text).is_err(), "{text}");
        }
        assert!(memory("MemTotal: 5 kB").is_err());
        assert!(memory("MemTotal: x kB\nMemAvailable: 5 kB").is_err());
        assert!(network("eth0: 1 2 3").is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_can_be_sampled() {
        let sample = System::new().unwrap().sample().unwrap();
        assert_eq!(sample.len(), 8, "{sample:?}");
        for (name, value) in sample {
            assert!(value.is_finite() && value >= 0.0, "{name} is {value}");
            assert!(!name.ends_with("percentage") || value <= 100.0, "{name} is {value}");
        }
    }
}
