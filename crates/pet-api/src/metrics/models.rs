//! What is counted of each model by its version.

use std::collections::HashMap;
use std::time::Duration;

use pet_model::ModelMetadata;
use prometheus::core::{Collector as _, MetricVec, MetricVecBuilder};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Registry, Result};

use crate::metrics::{counters, gauges, histograms, register};
use crate::served::Role;

/// Upper bounds of a difference between two confidences.
const DIFFERENCES: [f64; 9] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.35, 0.5];

/// What became of a photograph that was left for the shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The class was the same.
    Agreed,
    /// It was another.
    Differed,
    /// It was not answered again, since there was other work.
    Dropped,
    /// The shadow could not answer it.
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

/// A model that is loaded.
#[derive(Clone, Copy)]
pub(crate) struct Loaded<'a> {
    pub(crate) name: &'a str,
    pub(crate) metadata: &'a ModelMetadata,
    pub(crate) role: Role,
}

impl<'a> Loaded<'a> {
    /// Its version, empty where it has none.
    pub(crate) fn version(self) -> &'a str {
        self.metadata.model_version.as_deref().unwrap_or_default()
    }

    fn run_id(self) -> &'a str {
        self.metadata.run_id.as_deref().unwrap_or_default()
    }

    /// The labels of what is counted of it.
    fn labels(self) -> [&'a str; 3] {
        [self.name, self.version(), self.role.name()]
    }

    /// Whether these labels, with those of the run if they have them, are its own.
    fn has(self, labels: &Labels<'_>) -> bool {
        let [name, version, role] = self.labels();
        let own = [
            ("name", name),
            ("version", version),
            ("role", role),
            ("run_id", self.run_id()),
        ];
        let mut own = own.iter();
        own.all(|(label, value)| labels.get(label).is_none_or(|given| given == value))
    }
}

/// The labels of a series with their values.
type Labels<'a> = HashMap<&'a str, &'a str>;

/// Removes every series whose labels should not stay.
fn keep<T: MetricVecBuilder>(series: &MetricVec<T>, stays: impl Fn(&Labels<'_>) -> bool) {
    for family in series.collect() {
        for metric in family.get_metric() {
            let labels = metric.get_label().iter();
            let labels: Labels<'_> = labels.map(|label| (label.name(), label.value())).collect();
            if !stays(&labels) {
                // Another thread may have been faster.
                let _ = series.remove(&labels);
            }
        }
    }
}

/// The counts of each model.
pub(crate) struct OfModels {
    info: IntGaugeVec,
    seconds: HistogramVec,
    failures: IntCounterVec,
    shadow: IntCounterVec,
    differences: HistogramVec,
}

impl OfModels {
    #[rustfmt::skip] // One series in a line.
    pub(super) fn new(all: &Registry) -> Result<Self> {
        let differences = HistogramOpts::new("pet_shadow_confidence_difference", "How far the shadow's confidence lies from that of the answer.");
        let differences = differences.buckets(DIFFERENCES.to_vec());
        Ok(Self {
            info: gauges(all, "pet_model_info", "The models that are loaded; always 1.", &["name", "version", "run_id", "role"])?,
            seconds: histograms(all, "pet_model_duration_seconds", "Time that a model took for a photograph, from its bytes to the answer.", &["name", "version", "role"])?,
            failures: counters(all, "pet_model_failures_total", "Images on which a model itself failed.", &["name", "version", "role"])?,
            shadow: counters(all, "pet_shadow_total", "Photographs that the shadow was to answer, by what became of them.", &["version", "outcome"])?,
            differences: register(all, HistogramVec::new(differences, &["version"])?)?,
        })
    }

    /// These models are loaded now, and no others. Counts of earlier served models and successors stay; those of named
    /// models go with them, since there may be any number.
    pub(crate) fn loaded<'a>(&self, models: impl IntoIterator<Item = Loaded<'a>>) {
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
        let is_loaded = |labels: &Labels<'_>| models.iter().any(|model| model.has(labels));
        let stays = |labels: &Labels<'_>| {
            labels.get("role") != Some(&Role::Named.name()) || is_loaded(labels)
        };
        keep(&self.info, is_loaded);
        keep(&self.seconds, stays);
        keep(&self.failures, stays);
    }

    /// A model has answered a photograph in this time.
    pub(crate) fn ran(&self, model: Loaded<'_>, took: Duration) {
        let seconds = self.seconds.with_label_values(&model.labels());
        seconds.observe(took.as_secs_f64());
    }

    /// A model has failed on an image.
    pub(crate) fn failed(&self, model: Loaded<'_>) {
        self.failures.with_label_values(&model.labels()).inc();
    }

    /// A photograph was left for the shadow.
    pub(crate) fn shadowed(&self, version: &str, outcome: Outcome) {
        self.shadow
            .with_label_values(&[version, outcome.name()])
            .inc();
    }

    /// The confidences of the answer and of the shadow lie so far apart.
    pub(crate) fn confidence_differed(&self, version: &str, difference: f32) {
        let differences = self.differences.with_label_values(&[version]);
        differences.observe(f64::from(difference));
    }
}
