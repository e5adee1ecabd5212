//! Logs system metrics of a run, compatible with MLflow's own client.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;

use mlflow_client::spool::Recorder;
use mlflow_client::{Batch, Run, SystemMetrics, now};

use super::system::{PREFIX, Sample, System};
use crate::error::Error;

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
    let ours = run.metrics.values();
    let ours = ours.filter(|metric| metric.key.starts_with(PREFIX));
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
}
