//! The series.

use prometheus::{
    Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry, Result,
    TextEncoder,
};

use super::process::Process;
use super::register::{counter, counters, gauge, gauges, histogram, histograms};

/// The service's counts.
pub(crate) struct Metrics {
    registry: Registry,
    process: Process,
    pub(super) requests: IntCounterVec,
    pub(super) request_seconds: HistogramVec,
    pub(super) in_flight: IntGauge,
    pub(super) queue_depth: IntGauge,
    pub(super) queue_seconds: Histogram,
    pub(super) queue_refused: IntCounter,
    pub(super) queue_abandoned: IntCounter,
    pub(super) decode_seconds: Histogram,
    pub(super) preprocess_seconds: Histogram,
    pub(super) inference_seconds: Histogram,
    pub(super) predictions: IntCounterVec,
    pub(super) model_info: IntGaugeVec,
}

impl Metrics {
    /// All counts at zero.
    ///
    /// # Errors
    /// When two series have the same name, or one has none that Prometheus takes.
    #[rustfmt::skip] // One series in a line.
    pub(crate) fn new() -> Result<Self> {
        let all = &Registry::new();
        Ok(Self {
            requests: counters(all, "pet_requests_total", "Requests that were answered.", &["route", "status"])?,
            request_seconds: histograms(all, "pet_request_duration_seconds", "Time from the head of a request to its answer.", &["route"])?,
            in_flight: gauge(all, "pet_requests_in_flight", "Requests that are being answered.")?,
            queue_depth: gauge(all, "pet_queue_depth", "Work that waits for a worker.")?,
            queue_seconds: histogram(all, "pet_queue_duration_seconds", "Time that work waited for a worker.")?,
            queue_refused: counter(all, "pet_queue_refused_total", "Work that was refused because the queue was full.")?,
            queue_abandoned: counter(all, "pet_queue_abandoned_total", "Work that was dropped undone: its client had gone or its deadline had passed.")?,
            decode_seconds: histogram(all, "pet_decode_duration_seconds", "Time from a photograph's bytes to pixels.")?,
            preprocess_seconds: histogram(all, "pet_preprocess_duration_seconds", "Time from pixels to the model's input.")?,
            inference_seconds: histogram(all, "pet_inference_duration_seconds", "Time of running the model.")?,
            predictions: counters(all, "pet_predictions_total", "Images by the class that the model found most probable.", &["class"])?,
            model_info: gauges(all, "pet_model_info", "The served model; always 1.", &["name", "version", "run_id"])?,
            process: Process::new(all)?,
            registry: all.clone(),
        })
    }

    /// All series in the text format.
    ///
    /// # Errors
    /// When a series cannot be written.
    pub(super) fn text(&self) -> Result<String> {
        self.process.look();
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_no_label_is_there_from_the_start() {
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
}
