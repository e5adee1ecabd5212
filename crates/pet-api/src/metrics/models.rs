//! The metrics of the models, and of their drift.

use std::collections::HashMap;
use std::time::Duration;

use pet_model::ModelMetadata;
use prometheus::core::{Collector as _, MetricVec, MetricVecBuilder};
use prometheus::{
    GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    Result,
};

use crate::configuration::Role;
use crate::drift::{Distances, Drift};
use crate::metrics::{durations, register};

/// Buckets of the difference between two confidences.
const DIFFERENCE_BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5];

/// The outcome of a photograph that was offered to the shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The shadow predicted the same class.
    Agreed,
    /// The shadow predicted another class.
    Differed,
    /// The shadow did not run, because there was other work.
    Dropped,
    Failed,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Agreed, Self::Differed, Self::Dropped, Self::Failed];

    const fn name(self) -> &'static str {
        match self {
            Self::Agreed => "agreed",
            Self::Differed => "differed",
            Self::Dropped => "dropped",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct ModelLabels<'a> {
    pub(crate) name: &'a str,
    pub(crate) metadata: &'a ModelMetadata,
    pub(crate) role: Role,
}

impl<'a> ModelLabels<'a> {
    /// Its version, empty if it has none.
    pub(crate) fn version(self) -> &'a str {
        self.metadata.model_version.as_deref().unwrap_or_default()
    }

    fn run_id(self) -> &'a str {
        self.metadata.run_id.as_deref().unwrap_or_default()
    }

    /// The labels of most series.
    fn labels(self) -> [&'a str; 3] {
        [self.name, self.version(), self.role.name()]
    }

    /// Whether the labels of a series are those of this model.
    fn matches(self, labels: &Labels<'_>) -> bool {
        let [name, version, role] = self.labels();
        let own = [("name", name), ("version", version), ("role", role), ("run_id", self.run_id())];
        let mut own = own.iter();
        own.all(|(label, value)| labels.get(label).is_none_or(|given| given == value))
    }
}

/// The labels of a series with their values.
type Labels<'a> = HashMap<&'a str, &'a str>;

/// Removes all series but those whose labels satisfy `predicate`.
fn retain<T: MetricVecBuilder>(series: &MetricVec<T>, predicate: impl Fn(&Labels<'_>) -> bool) {
    for family in series.collect() {
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            let labels: Labels<'_> = labels.map(|label| (label.name(), label.value())).collect();
            if !predicate(&labels) {
                // Another thread may have removed it.
                let _ = series.remove(&labels);
            }
        }
    }
}

/// The metrics of each model, and the distances of the served model's latest predictions from its reference. An unknown
/// distance is absent, rather than 0.
pub(crate) struct ModelMetrics {
    info: IntGaugeVec,
    seconds: HistogramVec,
    failures: IntCounterVec,
    shadow: IntCounterVec,
    differences: HistogramVec,
    drift_window: IntGauge,
    class_mix: GaugeVec,
    confidence: GaugeVec,
    similarity: GaugeVec,
    features: GaugeVec,
}

impl ModelMetrics {
    #[rustfmt::skip] // One series per line.
    pub(super) fn new(all: &Registry) -> Result<Self> {
        let differences = HistogramOpts::new("pet_shadow_confidence_difference", "Difference between the shadow's confidence and that of the response.");
        let differences = differences.buckets(DIFFERENCE_BUCKETS.to_vec());
        Ok(Self {
            info: register(all, IntGaugeVec::new(Opts::new("pet_model_info", "The loaded models; always 1."), &["name", "version", "run_id", "role"]))?,
            seconds: register(all, HistogramVec::new(durations("pet_model_duration_seconds", "A model's time for a photo, from its bytes to the prediction."), &["name", "version", "role"]))?,
            failures: register(all, IntCounterVec::new(Opts::new("pet_model_failures_total", "Images on which a model itself failed."), &["name", "version", "role"]))?,
            shadow: register(all, IntCounterVec::new(Opts::new("pet_shadow_total", "Photos for the shadow by outcome."), &["version", "outcome"]))?,
            differences: register(all, HistogramVec::new(differences, &["version"]))?,
            drift_window: register(all, IntGauge::new("pet_drift_window", "Photos over which drift is measured; 0 for a model without a reference."))?,
            class_mix: register(all, GaugeVec::new(Opts::new("pet_drift_class_mix", "Population stability index of the predicted classes against the model's reference."), &[]))?,
            confidence: register(all, GaugeVec::new(Opts::new("pet_drift_confidence", "Population stability index of the confidence against the model's reference."), &[]))?,
            similarity: register(all, GaugeVec::new(Opts::new("pet_drift_similarity", "Population stability index of the similarity to the nearest class against the model's reference."), &[]))?,
            features: register(all, GaugeVec::new(Opts::new("pet_drift_features", "Distance of the mean features from the model's reference in standard deviations."), &[]))?,
        })
    }

    /// Sets which models are loaded. Series of replaced served models and successors are kept; those of unloaded named
    /// models are removed, since there may be any number of them.
    pub(crate) fn set_loaded<'a>(&self, models: impl IntoIterator<Item = ModelLabels<'a>>) {
        let models: Vec<_> = models.into_iter().collect();
        for model in &models {
            let [name, version, role] = model.labels();
            let info = [name, version, model.run_id(), role];
            self.info.with_label_values(&info).set(1);
            self.seconds.with_label_values(&model.labels());
            self.failures.with_label_values(&model.labels());
            if model.role == Role::Shadow {
                self.differences.with_label_values(&[version]);
                for outcome in Outcome::ALL {
                    self.shadow.with_label_values(&[version, outcome.name()]);
                }
            }
        }
        let is_loaded = |labels: &Labels<'_>| models.iter().any(|model| model.matches(labels));
        let is_kept = |labels: &Labels<'_>| {
            labels.get("role") != Some(&Role::Named.name()) || is_loaded(labels)
        };
        retain(&self.info, is_loaded);
        retain(&self.seconds, is_kept);
        retain(&self.failures, is_kept);
    }

    pub(crate) fn observe_duration(&self, model: ModelLabels<'_>, took: Duration) {
        let seconds = self.seconds.with_label_values(&model.labels());
        seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn count_failure(&self, model: ModelLabels<'_>) {
        self.failures.with_label_values(&model.labels()).inc();
    }

    pub(crate) fn count_shadow(&self, version: &str, outcome: Outcome) {
        self.shadow.with_label_values(&[version, outcome.name()]).inc();
    }

    /// Records the difference between the confidences of the served model and of the shadow.
    pub(crate) fn observe_difference(&self, version: &str, difference: f32) {
        let differences = self.differences.with_label_values(&[version]);
        differences.observe(f64::from(difference));
    }

    /// Sets the drift of the served model, if it has a reference.
    pub(crate) fn set_drift(&self, drift: Option<&Drift>) {
        let (count, distances) = drift.map_or((0, Distances::default()), Drift::measure);
        self.drift_window.set(count as i64);
        set_or_hide(&self.class_mix, distances.class_mix);
        set_or_hide(&self.confidence, distances.confidence);
        set_or_hide(&self.similarity, distances.similarity);
        set_or_hide(&self.features, distances.features);
    }
}

fn set_or_hide(gauge: &GaugeVec, value: Option<f64>) {
    match value {
        Some(value) => gauge.with_label_values::<&str>(&[]).set(value),
        None => gauge.reset(),
    }
}
