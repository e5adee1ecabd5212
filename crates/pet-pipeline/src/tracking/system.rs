//! System metrics of a run, with the names and units of MLflow's own client (its package `system_metrics`).

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;

use fs_err as fs;
use mlflow_client::spool::Recorder;
use mlflow_client::{Batch, Run, SystemMetrics, now};

use crate::error::Error;

/// MLflow shows metrics with this prefix on a separate page.
const PREFIX: &str = "system/";
const MEGABYTE: f64 = 1e6;

/// Names without the prefix, and values.
type Sample = Vec<(&'static str, f64)>;

/// Logs system metrics on its own thread until it is dropped.
pub(super) struct Monitor {
    /// Dropped to stop the thread.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Monitor {
    /// Continues after the last step of the run.
    pub(super) fn start(recorder: Arc<Recorder>, settings: SystemMetrics) -> Result<Self, Error> {
        let cannot = |source| Error::SystemMetrics { source };
        let sampler = Sampler {
            system: System::new().map_err(cannot)?,
            step: recorder.run().map_or(0, next_step),
            recorder,
            settings,
        };
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("system-metrics".to_owned());
        let thread = thread.spawn(move || sampler.run(&stopped)).map_err(cannot)?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Monitor {
    /// Discards the samples of the current interval, as MLflow does.
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread must not affect the run.
            let _ = thread.join();
        }
    }
}

struct Sampler {
    system: System,
    recorder: Arc<Recorder>,
    settings: SystemMetrics,
    step: i64,
}

impl Sampler {
    /// Stops silently at the first failure, because the run matters more than its system metrics.
    fn run(mut self, stopped: &Receiver<()>) {
        let mut samples = Vec::new();
        while stopped.recv_timeout(self.settings.interval) == Err(RecvTimeoutError::Timeout) {
            let Ok(sample) = self.system.sample() else {
                return;
            };
            samples.push(sample);
            if samples.len() >= self.settings.samples.get()
                && !self.log(&std::mem::take(&mut samples))
            {
                return;
            }
        }
    }

    fn log(&mut self, samples: &[Sample]) -> bool {
        let (time, step) = (now(), self.step);
        let metrics = aggregate(samples).into_iter();
        let batch = metrics.fold(Batch::new(), |batch, (name, value)| {
            batch.metric(format!("{PREFIX}{name}"), value, time, step)
        });
        self.step += 1;
        self.recorder.log_in_background(&batch).is_ok()
    }
}

/// The step after the last one, for resumed runs.
fn next_step(run: &Run) -> i64 {
    let ours = run.metrics.values().filter(|metric| metric.key.starts_with(PREFIX));
    ours.map(|metric| metric.step + 1).max().unwrap_or(0)
}

/// The mean of each value, rounded to one decimal place; the last value of cumulative ones.
fn aggregate(samples: &[Sample]) -> BTreeMap<&'static str, f64> {
    let mut values = BTreeMap::<_, Vec<f64>>::new();
    for (name, value) in samples.iter().flatten() {
        values.entry(*name).or_default().push(*value);
    }
    let aggregated = |(name, values): (&'static str, Vec<f64>)| {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let rounded = (10.0 * mean).round() / 10.0;
        let cumulative = name.starts_with("network_");
        (name, values.last().copied().filter(|_| cumulative).unwrap_or(rounded))
    };
    values.into_iter().map(aggregated).collect()
}

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
struct System {
    /// At the start, for network traffic.
    first: Counters,
    /// At the last sample, for CPU utilization.
    last: Counters,
}

impl System {
    fn new() -> io::Result<Self> {
        let first = Counters::read()?;
        Ok(Self { first, last: first })
    }

    fn sample(&mut self) -> io::Result<Sample> {
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
    text.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

fn unknown(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("`{file}` is not what Linux writes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_averaged_except_for_counters() {
        let sample = |busy, received| {
            vec![("cpu_utilization_percentage", busy), ("network_receive_megabytes", received)]
        };
        let values = aggregate(&[sample(10.0, 0.125), sample(20.04, 2.375)]);
        assert!((values["cpu_utilization_percentage"] - 15.0).abs() < 1e-9);
        assert!((values["network_receive_megabytes"] - 2.375).abs() < 1e-9);
    }

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
