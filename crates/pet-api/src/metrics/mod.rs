//! Metrics in Prometheus' text format.
//!
//! None of the methods of [`Metrics`] blocks. Every series exists from the start, so that rates are right from the first
//! event on: each route with each of its statuses, each class of the model. Only drift is absent until there is enough
//! data.
//!
//! The cardinality of labels is bounded, whatever clients send: a route is its pattern (`/model/files/{name}`), and a path
//! without a route is `none`.

mod drift;
mod models;
mod record;

pub(crate) use models::{ModelLabels, Outcome};

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result, TextEncoder,
};

use crate::metrics::models::ModelMetrics;

/// The metrics of the service.
pub(crate) struct Metrics {
    registry: Registry,
    resident_memory: IntGauge,
    drift: drift::Gauges,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    in_flight: IntGauge,
    queue_depth: IntGauge,
    queue_seconds: Histogram,
    queue_refused: IntCounter,
    queue_abandoned: IntCounter,
    decode_seconds: Histogram,
    preprocess_seconds: Histogram,
    inference_seconds: Histogram,
    predictions: IntCounterVec,
    known: IntCounterVec,
    corrections: IntCounterVec,
    spans_lost: IntCounter,
    /// The metrics of each model.
    pub(crate) models: ModelMetrics,
}

impl Metrics {
    /// # Errors
    /// When a name is invalid or used twice.
    #[rustfmt::skip] // One series per line.
    pub(crate) fn new() -> Result<Self> {
        let all = &Registry::new();
        let start = register(all, Gauge::new("process_start_time_seconds", "Start of the service in seconds since 1970-01-01 UTC.")?)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        start.set(now.unwrap_or_default().as_secs_f64());
        Ok(Self {
            requests: counters(all, "pet_requests_total", "Completed requests.", &["route", "status"])?,
            request_seconds: histograms(all, "pet_request_duration_seconds", "Time from the head of a request to its response.", &["route"])?,
            in_flight: gauge(all, "pet_requests_in_flight", "Requests being processed.")?,
            queue_depth: gauge(all, "pet_queue_depth", "Jobs waiting for a worker.")?,
            queue_seconds: histogram(all, "pet_queue_duration_seconds", "Time that jobs waited for a worker.")?,
            queue_refused: counter(all, "pet_queue_refused_total", "Jobs rejected because the queue was full.")?,
            queue_abandoned: counter(all, "pet_queue_abandoned_total", "Jobs dropped because the client disconnected or the deadline passed.")?,
            decode_seconds: histogram(all, "pet_decode_duration_seconds", "Time from a photo's bytes to pixels.")?,
            preprocess_seconds: histogram(all, "pet_preprocess_duration_seconds", "Time from pixels to the model's input.")?,
            inference_seconds: histogram(all, "pet_inference_duration_seconds", "Time for running the model.")?,
            predictions: counters(all, "pet_predictions_total", "Images by predicted class.", &["class"])?,
            known: counters(all, "pet_known_total", "Photos by whether they show any of the model's classes.", &["known"])?,
            corrections: counters(all, "pet_corrections_total", "Saved corrections by whether the prediction was right.", &["correct"])?,
            spans_lost: counter(all, "pet_spans_lost_total", "Lost spans of traces: the collector was down, too slow, or rejected them.")?,
            models: ModelMetrics::new(all)?,
            drift: drift::Gauges::new(all)?,
            resident_memory: gauge(all, "process_resident_memory_bytes", "Resident memory in bytes; 0 if the system does not report it.")?,
            registry: all.clone(),
        })
    }

    /// All series in the text format.
    ///
    /// # Errors
    /// When a series cannot be encoded.
    pub(crate) fn text(&self) -> Result<String> {
        self.resident_memory.set(resident_memory().unwrap_or(0));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

/// Buckets of durations in seconds: from half a millisecond, as for decoding, to ten seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

fn counter(all: &Registry, name: &str, help: &str) -> Result<IntCounter> {
    register(all, IntCounter::new(name, help)?)
}

fn counters(all: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
    register(all, IntCounterVec::new(Opts::new(name, help), labels)?)
}

fn gauge(all: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    register(all, IntGauge::new(name, help)?)
}

fn gauges(all: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec> {
    register(all, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

fn histogram(all: &Registry, name: &str, help: &str) -> Result<Histogram> {
    register(all, Histogram::with_opts(options(name, help))?)
}

fn histograms(all: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec> {
    register(all, HistogramVec::new(options(name, help), labels)?)
}

fn options(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec())
}

fn register<T: Collector + Clone + 'static>(all: &Registry, series: T) -> Result<T> {
    all.register(Box::new(series.clone()))?;
    Ok(series)
}

/// Resident memory in bytes; known on Linux only.
fn resident_memory() -> Option<i64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Milliseconds with three decimals.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn series_without_labels_exist_from_the_start() {
        let text = Metrics::new().unwrap().text().unwrap();
        for series in [
            "pet_requests_in_flight 0",
            "pet_queue_depth 0",
            "pet_queue_refused_total 0",
            "pet_decode_duration_seconds_count 0",
            "pet_inference_duration_seconds_bucket{le=\"+Inf\"} 0",
            "process_start_time_seconds 1",
        ] {
            assert!(text.contains(&format!("\n{series}")), "{series}: {text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn resident_memory_is_plausible() {
        let bytes = resident_memory().unwrap();
        assert!((1 << 20..1 << 36).contains(&bytes), "{bytes}");
    }
}
