//! Recording of events.

use std::time::Duration;

use pet_model::ModelMetadata;
use pet_predict::{Prediction, Timing};
use prometheus::IntGauge;

use crate::metrics::Metrics;

impl Metrics {
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

    /// Creates the series of the served model's classes.
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

    pub(crate) fn set_queue_depth(&self, waiting: usize) {
        self.queue_depth.set(waiting as i64);
    }

    /// Counts work that was rejected because the queue is full.
    pub(crate) fn work_refused(&self) {
        self.queue_refused.inc();
    }

    /// Counts work that was cancelled: its client disconnected or its deadline passed.
    pub(crate) fn work_abandoned(&self) {
        self.queue_abandoned.inc();
    }

    /// Records the time in the queue.
    pub(crate) fn observe_wait(&self, waited: Duration) {
        self.queue_seconds.observe(waited.as_secs_f64());
    }

    /// Records the phases of a prediction.
    pub(crate) fn observe_timing(&self, timing: Timing) {
        self.decode_seconds.observe(timing.decode.as_secs_f64());
        self.preprocess_seconds.observe(timing.preprocess.as_secs_f64());
        self.observe_inference(timing.inference);
    }

    /// Counts a prediction of the served model or its canary by its class, and by whether the photograph is of a known
    /// class. Named models are excluded, since they may have other classes.
    pub(crate) fn count_prediction(&self, prediction: &Prediction) {
        self.count_class(prediction.predicted_class());
        if let Some(known) = prediction.is_known() {
            self.known.with_label_values(&[&known.to_string()]).inc();
        }
    }

    pub(crate) fn observe_inference(&self, took: Duration) {
        self.inference_seconds.observe(took.as_secs_f64());
    }

    /// Counts a correction that was stored, by whether the prediction was right.
    pub(crate) fn count_correction(&self, correct: bool) {
        self.corrections.with_label_values(&[&correct.to_string()]).inc();
    }

    /// Sets the number of spans that were lost since the start.
    pub(crate) fn set_spans_lost(&self, total: u64) {
        let known = self.spans_lost.get();
        self.spans_lost.inc_by(total.saturating_sub(known));
    }

    /// Counts a predicted class.
    pub(crate) fn count_class(&self, class: &str) {
        self.predictions.with_label_values(&[class]).inc();
    }
}

/// Counts a request as in flight until dropped, even if its client disconnects.
pub(crate) struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use pet_model::Preprocess;

    use super::*;
    use crate::loaded_model::Role;
    use crate::metrics::ModelLabels;

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
}
