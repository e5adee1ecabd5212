//! The metrics of drift.

use prometheus::{GaugeVec, IntGauge, Opts, Registry, Result};

use crate::drift::{Distances, Drift};
use crate::metrics::{Metrics, gauge, register};

/// The distances of the latest predictions from the model's reference. An unknown distance is absent, rather than 0.
pub(super) struct Gauges {
    window: IntGauge,
    class_mix: GaugeVec,
    confidence: GaugeVec,
    similarity: GaugeVec,
    features: GaugeVec,
}

impl Gauges {
    #[rustfmt::skip] // One series per line.
    pub(super) fn new(all: &Registry) -> Result<Self> {
        Ok(Self {
            window: gauge(all, "pet_drift_window", "Photos over which drift is measured; 0 for a model without a reference.")?,
            class_mix: optional_gauge(all, "pet_drift_class_mix", "Population stability index of the predicted classes against the model's reference.")?,
            confidence: optional_gauge(all, "pet_drift_confidence", "Population stability index of the confidence against the model's reference.")?,
            similarity: optional_gauge(all, "pet_drift_similarity", "Population stability index of the similarity to the nearest class against the model's reference.")?,
            features: optional_gauge(all, "pet_drift_features", "Distance of the mean features from the model's reference in standard deviations.")?,
        })
    }
}

/// A gauge that is absent until it has a value.
fn optional_gauge(all: &Registry, name: &str, help: &str) -> Result<GaugeVec> {
    register(all, GaugeVec::new(Opts::new(name, help), &[])?)
}

fn set_or_hide(gauge: &GaugeVec, value: Option<f64>) {
    match value {
        Some(value) => gauge.with_label_values::<&str>(&[]).set(value),
        None => gauge.reset(),
    }
}

impl Metrics {
    /// Sets the drift of the served model, if it has a reference.
    pub(crate) fn set_drift(&self, drift: Option<&Drift>) {
        let (count, distances) = drift.map_or((0, Distances::default()), Drift::measure);
        self.drift.window.set(count as i64);
        set_or_hide(&self.drift.class_mix, distances.class_mix);
        set_or_hide(&self.drift.confidence, distances.confidence);
        set_or_hide(&self.drift.similarity, distances.similarity);
        set_or_hide(&self.drift.features, distances.features);
    }
}

#[cfg(test)]
mod tests {
    use pet_model::{Observation, Reference};

    use super::*;

    #[test]
    fn unknown_distances_are_absent() {
        let metrics = Metrics::new().unwrap();
        let text = |drift| {
            metrics.set_drift(drift);
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
