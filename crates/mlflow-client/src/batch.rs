//! What is logged to a run: metrics, parameters and tags.

use crate::error::Result;
use crate::json;
use crate::limits::{self, check_key, check_length};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// One point of a metric's history.
///
/// The value may be NaN. Infinities are kept as ±[`f64::MAX`], as every MLflow store
/// converts them; this crate does the same, so that all stores agree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Metric {
    /// Name, such as `val_acc`.
    pub key: String,
    /// Measured value.
    #[serde(with = "json::value")]
    pub value: f64,
    /// When it was measured.
    pub timestamp: Timestamp,
    /// Position on the x axis, such as the epoch; 0 if there is none.
    #[serde(deserialize_with = "json::integer")]
    pub step: i64,
}

impl Metric {
    /// A value measured at `step`, at this time.
    pub fn new(
        key: impl Into<String>,
        value: f64,
        timestamp: impl Into<Timestamp>,
        step: i64,
    ) -> Self {
        Self { key: key.into(), value, timestamp: timestamp.into(), step }
    }

    /// The value as MLflow stores it: NaN stays, infinities become the largest finite numbers.
    pub fn storable(&self) -> f64 {
        json::storable(self.value)
    }

    /// Whether this point replaces `other` as the latest: larger (step, timestamp, value).
    #[cfg(feature = "local")]
    pub(crate) fn is_newer_than(&self, other: &Self) -> bool {
        let rank = |metric: &Self| (metric.step, metric.timestamp);
        // MLflow compares the stored value, which is 0 for NaN.
        let value = |metric: &Self| match metric.storable() {
            stored if stored.is_nan() => 0.0,
            stored => stored,
        };
        rank(self) > rank(other) || (rank(self) == rank(other) && value(self) > value(other))
    }
}

/// Metrics, parameters and tags to be logged together, any number of each.
///
/// ```
/// use mlflow_client::{Batch, Metric, now};
///
/// let batch = Batch::new().param("learning_rate", 0.001).metric("loss", 0.25, now(), 3);
/// let history: Batch = (0..10).map(|step| Metric::new("loss", 0.5, now(), step)).collect();
/// assert_eq!((batch.len(), history.len()), (2, 10));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Batch {
    /// Points of metrics' histories.
    pub metrics: Vec<Metric>,
    /// Parameters; each can be written once per run, writing the same value again does nothing.
    pub params: BTreeMap<String, String>,
    /// Tags; a later value replaces an earlier one.
    pub tags: BTreeMap<String, String>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a point of a metric's history.
    #[must_use]
    pub fn metric(
        mut self,
        key: impl Into<String>,
        value: f64,
        timestamp: impl Into<Timestamp>,
        step: i64,
    ) -> Self {
        self.metrics.push(Metric::new(key, value, timestamp, step));
        self
    }

    /// Adds a parameter, of any type that can be shown as text.
    #[must_use]
    pub fn param(self, key: impl Into<String>, value: impl Display) -> Self {
        self.params([(key, value)])
    }

    /// Adds parameters.
    #[must_use]
    pub fn params<K: Into<String>, V: Display>(
        mut self,
        params: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let params = params.into_iter();
        self.params.extend(params.map(|(key, value)| (key.into(), value.to_string())));
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags([(key, value)])
    }

    /// Adds tags.
    #[must_use]
    pub fn tags<K: Into<String>, V: Into<String>>(
        mut self,
        tags: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let tags = tags.into_iter();
        self.tags.extend(tags.map(|(key, value)| (key.into(), value.into())));
        self
    }

    /// Adds everything of another batch, whose tags win.
    pub fn append(&mut self, other: Self) {
        self.metrics.extend(other.metrics);
        self.params.extend(other.params);
        self.tags.extend(other.tags);
    }

    /// Whether no parameter of the other batch has another value here, so that both may be sent as
    /// one without hiding a mistake.
    #[cfg(feature = "spool")]
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let mut params = other.params.iter();
        params.all(|(key, value)| self.params.get(key).is_none_or(|known| known == value))
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.metrics.len() + self.params.len() + self.tags.len()
    }

    /// Whether there is nothing to log.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks keys and values against MLflow's limits.
    pub(crate) fn check(&self) -> Result<()> {
        self.metrics.iter().try_for_each(|metric| check_key("metric name", &metric.key))?;
        for (key, value) in &self.params {
            check_key("parameter name", key)?;
            check_length("parameter value", value, limits::PARAM_LENGTH)?;
        }
        limits::check_tags(&self.tags, limits::TAG_LENGTH)
    }

    /// The same entries in batches small enough for one request each: parameters first, since
    /// they are what the rest refers to, metrics in their order.
    pub(crate) fn chunks(&self) -> Vec<Self> {
        let mut chunks = Chunks::default();
        for (key, value) in &self.params {
            let fits = |chunk: &Self| chunk.params.len() < limits::PARAMS_PER_BATCH;
            let chunk = chunks.room_for(key.len() + value.len(), fits);
            chunk.params.insert(key.clone(), value.clone());
        }
        for (key, value) in &self.tags {
            let fits = |chunk: &Self| chunk.tags.len() < limits::TAGS_PER_BATCH;
            let chunk = chunks.room_for(key.len() + value.len(), fits);
            chunk.tags.insert(key.clone(), value.clone());
        }
        for metric in &self.metrics {
            let fits = |chunk: &Self| chunk.metrics.len() < limits::METRICS_PER_BATCH;
            chunks.room_for(metric.key.len(), fits).metrics.push(metric.clone());
        }
        chunks.done
    }
}

impl FromIterator<Metric> for Batch {
    fn from_iter<I: IntoIterator<Item = Metric>>(metrics: I) -> Self {
        Self { metrics: metrics.into_iter().collect(), ..Self::default() }
    }
}

#[derive(Default)]
struct Chunks {
    done: Vec<Batch>,
    bytes: usize,
}

impl Chunks {
    /// The last batch where one more entry with `text` bytes fits, else a new one.
    fn room_for(&mut self, text: usize, fits: impl Fn(&Batch) -> bool) -> &mut Batch {
        // Names of fields, numbers, and text that JSON writes as two characters per byte.
        let bytes = 2 * text + 120;
        let full = self.done.last().is_none_or(|last| {
            last.len() >= limits::ENTITIES_PER_BATCH
                || self.bytes + bytes > limits::BYTES_PER_BATCH
                || !fits(last)
        });
        if full {
            self.done.push(Batch::new());
            self.bytes = 0;
        }
        self.bytes += bytes;
        let last = self.done.len() - 1;
        &mut self.done[last]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn point(value: f64, millis: i64, step: i64) -> Metric {
        Metric::new("a", value, Timestamp::from_millis(millis), step)
    }

    fn batch(metrics: usize, params: usize, tags: usize, text: usize) -> Batch {
        let pairs = |count: usize| (0..count).map(|i| (format!("k{i}"), "v".repeat(text)));
        let metrics = (0..metrics).map(|i| point(i as f64, 0, i as i64));
        metrics.collect::<Batch>().params(pairs(params)).tags(pairs(tags))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn chunks_keep_everything_within_the_limits(
            metrics in 0_usize..2500, params in 0_usize..250, tags in 0_usize..250, text in 0_usize..6000,
        ) {
            let whole = batch(metrics, params, tags, text);
            let mut merged = Batch::new();
            for chunk in whole.chunks() {
                prop_assert!(!chunk.is_empty());
                prop_assert!(chunk.metrics.len() <= limits::METRICS_PER_BATCH);
                prop_assert!(chunk.params.len() <= limits::PARAMS_PER_BATCH);
                prop_assert!(chunk.tags.len() <= limits::TAGS_PER_BATCH);
                prop_assert!(chunk.len() <= limits::ENTITIES_PER_BATCH);
                merged.append(chunk);
            }
            prop_assert_eq!(merged, whole);
        }
    }

    #[test]
    fn too_long_values_are_refused() {
        assert!(Batch::new().param("p", "x".repeat(6001)).check().is_err());
        assert!(Batch::new().tag("t", "x".repeat(8001)).check().is_err());
        assert!(Batch::new().metric("a#b", 0.0, Timestamp::default(), 0).check().is_err());
        assert!(Batch::new().param("p", "x".repeat(6000)).check().is_ok());
    }

    #[test]
    fn infinities_become_finite() {
        let stored = |value| point(value, 0, 0).storable();
        assert_eq!(stored(f64::INFINITY).to_bits(), f64::MAX.to_bits());
        assert_eq!(stored(f64::NEG_INFINITY).to_bits(), f64::MIN.to_bits());
        assert!(stored(f64::NAN).is_nan());
    }

    #[cfg(feature = "local")]
    #[test]
    fn the_newest_point_has_the_largest_step_then_time_then_value() {
        assert!(point(0.0, 1, 2).is_newer_than(&point(9.0, 9, 1)));
        assert!(point(0.0, 2, 1).is_newer_than(&point(9.0, 1, 1)));
        assert!(point(2.0, 1, 1).is_newer_than(&point(1.0, 1, 1)));
        assert!(!point(1.0, 1, 1).is_newer_than(&point(1.0, 1, 1)));
        assert!(!point(f64::NAN, 1, 1).is_newer_than(&point(1.0, 1, 1)));
    }
}
