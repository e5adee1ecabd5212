//! What the rest of the service says has happened.

use std::time::Duration;

use pet_model::ModelMetadata;
use pet_predict::{Prediction, Timing};
use prometheus::IntGauge;

use crate::metrics::Metrics;

impl Metrics {
    /// These routes will be asked for and may answer with these statuses; photographs will be known and not, answers be
    /// called right and wrong.
    pub(crate) fn expect<'a>(&self, answers: impl IntoIterator<Item = (&'a str, u16)>) {
        for (route, status) in answers {
            self.requests
                .with_label_values(&[route, &status.to_string()]);
            self.request_seconds.with_label_values(&[route]);
        }
        for either in ["true", "false"] {
            self.known.with_label_values(&[either]);
            self.corrections.with_label_values(&[either]);
        }
    }

    /// This model is served from now on.
    pub(crate) fn serves(&self, model: &ModelMetadata) {
        for class in &model.classes {
            self.predictions.with_label_values(&[class]);
        }
    }

    /// A request has come; it is counted as long as the guard lives.
    pub(crate) fn begun(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    /// A request was answered. `route` is the pattern, such as `/model/files/{name}`.
    pub(crate) fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests
            .with_label_values(&[route, &status.to_string()])
            .inc();
        self.request_seconds
            .with_label_values(&[route])
            .observe(took.as_secs_f64());
    }

    /// So much work waits in the queue now.
    pub(crate) fn depth(&self, waiting: usize) {
        self.queue_depth.set(waiting as i64);
    }

    /// Work was refused because the queue is full.
    pub(crate) fn refused(&self) {
        self.queue_refused.inc();
    }

    /// Work was dropped undone: its client has gone or its deadline has passed.
    pub(crate) fn abandoned(&self) {
        self.queue_abandoned.inc();
    }

    /// Work has waited so long and begins now.
    pub(crate) fn queued(&self, waited: Duration) {
        self.queue_seconds.observe(waited.as_secs_f64());
    }

    /// A photograph was predicted in these phases.
    pub(crate) fn timed(&self, timing: Timing) {
        self.decode_seconds.observe(timing.decode.as_secs_f64());
        self.preprocess_seconds
            .observe(timing.preprocess.as_secs_f64());
        self.inferred(timing.inference);
    }

    /// The served model or its canary predicted a photograph: its class, and whether it is of the classes, if the model
    /// can tell. Named models are left out, since their classes may be others.
    pub(crate) fn predicted(&self, prediction: &Prediction) {
        self.classified(prediction.predicted_class());
        if let Some(known) = prediction.is_known() {
            self.known.with_label_values(&[&known.to_string()]).inc();
        }
    }

    /// The model has run.
    pub(crate) fn inferred(&self, took: Duration) {
        self.inference_seconds.observe(took.as_secs_f64());
    }

    /// A correction was kept; whether the answer was right.
    pub(crate) fn corrected(&self, correct: bool) {
        self.corrections
            .with_label_values(&[&correct.to_string()])
            .inc();
    }

    /// So many spans were lost since the start.
    pub(crate) fn spans_lost(&self, total: u64) {
        let known = self.spans_lost.get();
        self.spans_lost.inc_by(total.saturating_sub(known));
    }

    /// The model found this class the most probable.
    pub(crate) fn classified(&self, class: &str) {
        self.predictions.with_label_values(&[class]).inc();
    }
}

/// Counts a request as being answered until it is dropped, also when its client has gone.
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
    use crate::metrics::Loaded;
    use crate::served::Role;

    fn model(version: &str) -> ModelMetadata {
        let classes = vec!["Shih \"Tzu\"".into(), "Pug".into()];
        ModelMetadata::new("pets", classes, Preprocess::imagenet()).with_model_version(version)
    }

    fn loaded(metadata: &ModelMetadata, role: Role) -> Loaded<'_> {
        let name = &metadata.model_name;
        Loaded {
            name,
            metadata,
            role,
        }
    }

    #[test]
    fn series_are_there_before_anything_happens_and_count_what_does() {
        let metrics = Metrics::new().unwrap();
        metrics.expect([("/predict", 200), ("/predict", 429)]);
        metrics.serves(&model("1"));
        metrics.models.loaded([loaded(&model("1"), Role::Served)]);
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
        metrics.answered("/predict", 200, Duration::from_millis(3));
        metrics.classified("Pug");
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
    fn another_model_takes_the_place_of_the_first() {
        let metrics = Metrics::new().unwrap();
        metrics.models.loaded([loaded(&model("1"), Role::Served)]);
        metrics.models.loaded([loaded(&model("2"), Role::Served)]);
        let text = metrics.text().unwrap();
        assert_eq!(text.matches("pet_model_info{").count(), 1, "{text}");
        assert!(text.contains("version=\"2\""), "{text}");
    }

    #[test]
    fn series_of_a_named_model_go_with_it_and_others_stay() {
        let metrics = Metrics::new().unwrap();
        let (first, second, named) = (model("1"), model("2"), model("7"));
        let cats = Loaded {
            name: "cats",
            ..loaded(&named, Role::Named)
        };
        metrics.models.loaded([loaded(&first, Role::Served), cats]);
        metrics.models.ran(cats, Duration::from_millis(3));
        metrics.models.loaded([loaded(&second, Role::Served), cats]);
        let count =
            "pet_model_duration_seconds_count{name=\"cats\",role=\"named\",version=\"7\"} 1";
        assert!(metrics.text().unwrap().contains(count));
        metrics.models.loaded([loaded(&second, Role::Served)]);
        // A late answer brings nothing back for long.
        metrics.models.ran(cats, Duration::from_millis(3));
        metrics.models.loaded([loaded(&second, Role::Served)]);
        let text = metrics.text().unwrap();
        assert!(!text.contains("cats"), "{text}");
        let of_the_first =
            "pet_model_failures_total{name=\"pets\",role=\"served\",version=\"1\"} 0";
        assert!(text.contains(of_the_first), "{text}");
    }

    #[test]
    fn a_request_is_in_flight_until_its_guard_is_dropped() {
        let metrics = Metrics::new().unwrap();
        let guards = [metrics.begun(), metrics.begun()];
        assert!(metrics.text().unwrap().contains("pet_requests_in_flight 2"));
        drop(guards);
        assert!(metrics.text().unwrap().contains("pet_requests_in_flight 0"));
    }
}
