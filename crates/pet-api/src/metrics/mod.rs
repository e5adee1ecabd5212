//! Metrics in Prometheus' text format.
//!
//! None of the methods of [`Metrics`] blocks. Every series exists from the start, so that rates are right from the first
//! event on: each route with each of its statuses, each class of the model. Only drift is absent until there is enough
//! data.
//!
//! The cardinality of labels is bounded, whatever clients send: a route is its pattern (`/model/files/{name}`), and a path
//! without a route is `none`.

mod models;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pet_model::ModelMetadata;
use pet_predict::{Prediction, Timing};
use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, Result, TextEncoder,
};

pub(crate) use models::{ModelLabels, ModelMetrics, Outcome};

/// Buckets of durations in seconds: from half a millisecond, as for decoding, to ten seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(crate) struct Metrics {
    registry: Registry,
    resident_memory: IntGauge,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    in_flight: IntGauge,
    pub(crate) queue_depth: IntGauge,
    pub(crate) queue_seconds: Histogram,
    pub(crate) queue_refused: IntCounter,
    pub(crate) queue_abandoned: IntCounter,
    decode_seconds: Histogram,
    preprocess_seconds: Histogram,
    pub(crate) inference_seconds: Histogram,
    predictions: IntCounterVec,
    known: IntCounterVec,
    corrections: IntCounterVec,
    spans_lost: IntCounter,
    pub(crate) models: ModelMetrics,
}

impl Metrics {
    #[rustfmt::skip] // One series per line.
    pub(crate) fn new() -> Result<Self> {
        let all = &Registry::new();
        let start = register(all, Gauge::new("process_start_time_seconds", "Start of the service in seconds since 1970-01-01 UTC."))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        start.set(now.unwrap_or_default().as_secs_f64());
        Ok(Self {
            requests: register(all, IntCounterVec::new(Opts::new("pet_requests_total", "Completed requests."), &["route", "status"]))?,
            request_seconds: register(all, HistogramVec::new(durations("pet_request_duration_seconds", "Time from the head of a request to its response."), &["route"]))?,
            in_flight: register(all, IntGauge::new("pet_requests_in_flight", "Requests being processed."))?,
            queue_depth: register(all, IntGauge::new("pet_queue_depth", "Jobs waiting for a worker."))?,
            queue_seconds: register(all, Histogram::with_opts(durations("pet_queue_duration_seconds", "Time that jobs waited for a worker.")))?,
            queue_refused: register(all, IntCounter::new("pet_queue_refused_total", "Jobs rejected because the queue was full."))?,
            queue_abandoned: register(all, IntCounter::new("pet_queue_abandoned_total", "Jobs dropped because the client disconnected or the deadline passed."))?,
            decode_seconds: register(all, Histogram::with_opts(durations("pet_decode_duration_seconds", "Time from a photo's bytes to pixels.")))?,
            preprocess_seconds: register(all, Histogram::with_opts(durations("pet_preprocess_duration_seconds", "Time from pixels to the model's input.")))?,
            inference_seconds: register(all, Histogram::with_opts(durations("pet_inference_duration_seconds", "Time for running the model.")))?,
            predictions: register(all, IntCounterVec::new(Opts::new("pet_predictions_total", "Images by predicted class."), &["class"]))?,
            known: register(all, IntCounterVec::new(Opts::new("pet_known_total", "Photos by whether they show any of the model's classes."), &["known"]))?,
            corrections: register(all, IntCounterVec::new(Opts::new("pet_corrections_total", "Saved corrections by whether the prediction was right."), &["correct"]))?,
            spans_lost: register(all, IntCounter::new("pet_spans_lost_total", "Lost spans of traces: the collector was down, too slow, or rejected them."))?,
            models: ModelMetrics::new(all)?,
            resident_memory: register(all, IntGauge::new("process_resident_memory_bytes", "Resident memory in bytes; 0 if the system does not report it."))?,
            registry: all.clone(),
        })
    }

    /// Creates the series of these routes with their statuses, and those with boolean labels.
    pub(crate) fn preregister<'a>(&self, statuses: impl IntoIterator<Item = (&'a str, u16)>) {
        for (route, status) in statuses {
            self.requests.with_label_values(&[route, &status.to_string()]);
            self.request_seconds.with_label_values(&[route]);
        }
        for value in ["true", "false"] {
            self.known.with_label_values(&[value]);
            self.corrections.with_label_values(&[value]);
        }
    }

    pub(crate) fn set_model(&self, model: &ModelMetadata) {
        for class in &model.classes {
            self.predictions.with_label_values(&[class]);
        }
    }

    /// Counts a request as in flight until the guard is dropped.
    pub(crate) fn request_started(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// Counts a response. `route` is the pattern, such as `/model/files/{name}`.
    pub(crate) fn request_finished(&self, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    pub(crate) fn observe_timing(&self, timing: Timing) {
        self.decode_seconds.observe(timing.decode.as_secs_f64());
        self.preprocess_seconds.observe(timing.preprocess.as_secs_f64());
        self.inference_seconds.observe(timing.inference.as_secs_f64());
    }

    /// Counts a prediction of the served model or its canary by its class, and by whether the photograph is of a known
    /// class. Named models are excluded, since they may have other classes.
    pub(crate) fn count_prediction(&self, prediction: &Prediction) {
        self.count_class(prediction.predicted_class());
        if let Some(known) = prediction.is_known() {
            self.known.with_label_values(&[&known.to_string()]).inc();
        }
    }

    pub(crate) fn count_correction(&self, correct: bool) {
        self.corrections.with_label_values(&[&correct.to_string()]).inc();
    }

    /// Sets the number of spans that were lost since the start.
    pub(crate) fn set_spans_lost(&self, total: u64) {
        let known = self.spans_lost.get();
        self.spans_lost.inc_by(total.saturating_sub(known));
    }

    pub(crate) fn count_class(&self, class: &str) {
        self.predictions.with_label_values(&[class]).inc();
    }

    /// All series in the text format.
    pub(crate) fn text(&self) -> Result<String> {
        self.resident_memory.set(resident_memory().unwrap_or(0));
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn register<T: Collector + Clone + 'static>(all: &Registry, series: Result<T>) -> Result<T> {
    let series = series?;
    all.register(Box::new(series.clone()))?;
    Ok(series)
}

fn durations(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec())
}

/// Counts a request as in flight until dropped, even if its client disconnects.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
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
    use pet_model::{Observation, Preprocess, Reference};

    use super::*;
    use crate::configuration::Role;
    use crate::drift::Drift;

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

    fn model(version: &str) -> ModelMetadata {
        let classes = vec!["Shih \"Tzu\"".into(), "Pug".into()];
        ModelMetadata::new("pets", classes, Preprocess::imagenet()).with_model_version(version)
    }

    fn loaded(metadata: &ModelMetadata, role: Role) -> ModelLabels<'_> {
        let name = &metadata.model_name;
        ModelLabels { name, metadata, role }
    }

    #[test]
    fn series_exist_before_the_first_event() {
        let metrics = Metrics::new().unwrap();
        metrics.preregister([("/predict", 200), ("/predict", 429)]);
        metrics.set_model(&model("1"));
        metrics.models.set_loaded([loaded(&model("1"), Role::Served)]);
        let text = metrics.text().unwrap();
        for series in [
            "pet_requests_total{route=\"/predict\",status=\"200\"} 0",
            "pet_requests_total{route=\"/predict\",status=\"429\"} 0",
            "pet_request_duration_seconds_count{route=\"/predict\"} 0",
            "pet_predictions_total{class=\"Shih \\\"Tzu\\\"\"} 0",
            "pet_model_info{name=\"pets\",role=\"served\",run_id=\"\",version=\"1\"} 1",
            "pet_model_duration_seconds_count{name=\"pets\",role=\"served\",version=\"1\"} 0",
        ] {
            assert!(text.contains(series), "{series}: {text}");
        }
        metrics.request_finished("/predict", 200, Duration::from_millis(3));
        metrics.count_class("Pug");
        let text = metrics.text().unwrap();
        for series in [
            "pet_requests_total{route=\"/predict\",status=\"200\"} 1",
            "pet_request_duration_seconds_bucket{route=\"/predict\",le=\"0.0025\"} 0",
            "pet_request_duration_seconds_bucket{route=\"/predict\",le=\"0.005\"} 1",
            "pet_predictions_total{class=\"Pug\"} 1",
        ] {
            assert!(text.contains(series), "{series}: {text}");
        }
    }

    #[test]
    fn model_info_of_a_replaced_model_is_removed() {
        let metrics = Metrics::new().unwrap();
        metrics.models.set_loaded([loaded(&model("1"), Role::Served)]);
        metrics.models.set_loaded([loaded(&model("2"), Role::Served)]);
        let text = metrics.text().unwrap();
        assert_eq!(text.matches("pet_model_info{").count(), 1, "{text}");
        assert!(text.contains("version=\"2\""), "{text}");
    }

    #[test]
    fn only_series_of_unloaded_named_models_are_removed() {
        let metrics = Metrics::new().unwrap();
        let (first, second, named) = (model("1"), model("2"), model("7"));
        let cats = ModelLabels { name: "cats", ..loaded(&named, Role::Named) };
        metrics.models.set_loaded([loaded(&first, Role::Served), cats]);
        metrics.models.observe_duration(cats, Duration::from_millis(3));
        metrics.models.set_loaded([loaded(&second, Role::Served), cats]);
        let count =
            "pet_model_duration_seconds_count{name=\"cats\",role=\"named\",version=\"7\"} 1";
        assert!(metrics.text().unwrap().contains(count));
        metrics.models.set_loaded([loaded(&second, Role::Served)]);
        // The series is created again by a prediction that ends after the unloading, and removed by the next update.
        metrics.models.observe_duration(cats, Duration::from_millis(3));
        metrics.models.set_loaded([loaded(&second, Role::Served)]);
        let text = metrics.text().unwrap();
        assert!(!text.contains("cats"), "{text}");
        let of_the_first =
            "pet_model_failures_total{name=\"pets\",role=\"served\",version=\"1\"} 0";
        assert!(text.contains(of_the_first), "{text}");
    }

    #[test]
    fn request_is_in_flight_until_its_guard_is_dropped() {
        let metrics = Metrics::new().unwrap();
        let guards = [metrics.request_started(), metrics.request_started()];
        assert!(metrics.text().unwrap().contains("pet_requests_in_flight 2"));
        drop(guards);
        assert!(metrics.text().unwrap().contains("pet_requests_in_flight 0"));
    }

    #[test]
    fn unknown_distances_are_absent() {
        let metrics = Metrics::new().unwrap();
        let text = |drift| {
            metrics.models.set_drift(drift);
            metrics.text().unwrap()
        };
        assert!(text(None).contains("\npet_drift_window 0"));
        assert!(!text(None).contains("pet_drift_class_mix"));
        let answer = Observation { class: 0, confidence: 0.9, similarity: None, cosines: &[] };
        let drift = Drift::new(Reference::of(2, &vec![answer; 1000]), 500);
        drift.observe(&answer);
        assert!(text(Some(&drift)).contains("\npet_drift_window 1"));
        for _ in 0..600 {
            drift.observe(&answer);
        }
        let full = text(Some(&drift));
        for series in ["pet_drift_window 500", "pet_drift_class_mix 0", "pet_drift_confidence 0"] {
            assert!(full.contains(&format!("\n{series}\n")), "{series}: {full}");
        }
        assert!(!full.contains("pet_drift_similarity"), "{full}");
        assert!(!text(None).contains("pet_drift_class_mix"));
    }
}
