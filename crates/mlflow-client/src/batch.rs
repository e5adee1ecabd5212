//! What is logged to a run in one go.

use crate::error::Result;
use crate::limits::{self, check_key, check_length};
use crate::metric::Metric;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Metrics, parameters and tags to be logged together, any number of each.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// Points of metrics' histories.
    #[serde(with = "crate::metric::list")]
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
    pub fn metric(mut self, key: impl Into<String>, value: f64, timestamp: i64, step: i64) -> Self {
        self.metrics.push(Metric::new(key, value, timestamp, step));
        self
    }

    /// Adds a parameter, of any type that can be shown as text.
    #[must_use]
    pub fn param(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.params.insert(key.into(), value.to_string());
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.insert(key.into(), value.into());
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
        for metric in &self.metrics {
            check_key("metric name", &metric.key)?;
        }
        for (key, value) in &self.params {
            check_key("parameter name", key)?;
            check_length("parameter value", value, limits::PARAM_LENGTH)?;
        }
        check_tags(&self.tags)
    }

    /// The same entries in batches small enough for one request each: parameters first, since
    /// they are what the rest refers to, metrics in their order.
    pub(crate) fn chunks(&self) -> Vec<Self> {
        let mut chunks = Chunks::default();
        for (key, value) in &self.params {
            let chunk = chunks.room_for(key.len() + value.len(), |chunk| {
                chunk.params.len() < limits::PARAMS_PER_BATCH
            });
            chunk.params.insert(key.clone(), value.clone());
        }
        for (key, value) in &self.tags {
            let chunk = chunks.room_for(key.len() + value.len(), |chunk| {
                chunk.tags.len() < limits::TAGS_PER_BATCH
            });
            chunk.tags.insert(key.clone(), value.clone());
        }
        for metric in &self.metrics {
            let chunk = chunks.room_for(metric.key.len(), |chunk| {
                chunk.metrics.len() < limits::METRICS_PER_BATCH
            });
            chunk.metrics.push(metric.clone());
        }
        chunks.done
    }
}

/// Checks the tags of a run.
pub(crate) fn check_tags(tags: &BTreeMap<String, String>) -> Result<()> {
    for (key, value) in tags {
        check_key("tag name", key)?;
        check_length("tag value", value, limits::TAG_LENGTH)?;
    }
    Ok(())
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

    fn batch(metrics: usize, params: usize, tags: usize, text: usize) -> Batch {
        let pairs = |count: usize| {
            (0..count)
                .map(|i| (format!("k{i}"), "v".repeat(text)))
                .collect()
        };
        Batch {
            metrics: (0..metrics)
                .map(|i| Metric::new("m", i as f64, 0, i as i64))
                .collect(),
            params: pairs(params),
            tags: pairs(tags),
        }
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
                merged.metrics.extend(chunk.metrics);
                merged.params.extend(chunk.params);
                merged.tags.extend(chunk.tags);
            }
            prop_assert_eq!(merged, whole);
        }
    }

    #[test]
    fn too_long_values_are_refused() {
        assert!(Batch::new().param("p", "x".repeat(6001)).check().is_err());
        assert!(Batch::new().tag("t", "x".repeat(8001)).check().is_err());
        assert!(Batch::new().metric("a#b", 0.0, 0, 0).check().is_err());
        assert!(Batch::new().param("p", "x".repeat(6000)).check().is_ok());
    }
}
