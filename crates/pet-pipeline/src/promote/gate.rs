//! The limits that a challenger must meet.

use std::path::Path;

use fs_err as fs;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;

/// Maximum size of a gate file in bytes.
const FILE_BYTES: u64 = 1 << 20;

/// The limits of each metric. In a file, metrics that are given have only the limits given there; all others have those of
/// [`Gate::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Gate {
    /// Top-1 accuracy, 0 to 1.
    pub accuracy: Limit,
    /// Mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: Limit,
    /// Recall of each class, 0 to 1.
    pub class_recall: Limit,
    /// Minimum number of images of a class for limits to apply to it.
    pub class_images: usize,
    /// Expected calibration error, 0 to 1; lower is better.
    pub calibration_error: Limit,
    /// Share of images that are not rejected as outliers, 0 to 1; only for models that detect outliers.
    pub known: Limit,
    /// Latency from encoded image to prediction in milliseconds; lower is better.
    pub latency_ms: Limit,
    /// Size of the model file in megabytes (1,000,000 bytes); lower is better.
    pub size_mb: Limit,
    /// The significance test of the difference in accuracy.
    pub mcnemar: Significance,
}

/// Limits of a metric, as in MLflow's model validation. Changes are improvements, so that a negative limit allows the
/// challenger to be worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limit {
    /// The minimum, or the maximum if lower is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The minimum improvement over the champion.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_absolute_change: Option<f64>,
    /// The minimum improvement relative to the champion's value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_relative_change: Option<f64>,
}

/// McNemar's test on the images that only one of the two classifies correctly.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Significance {
    /// The significance level, 0 to 1.
    pub alpha: f64,
    /// What the test must show.
    pub require: Requirement,
}

/// What the significance test must show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Requirement {
    /// The challenger is not significantly worse.
    #[default]
    NotWorse,
    /// The challenger is significantly better.
    Better,
}

/// A metric with limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// See [`Gate::accuracy`].
    Accuracy,
    /// See [`Gate::macro_f1`].
    MacroF1,
    /// See [`Gate::class_recall`].
    ClassRecall,
    /// See [`Gate::calibration_error`].
    CalibrationError,
    /// See [`Gate::known`].
    Known,
    /// See [`Gate::latency_ms`].
    LatencyMs,
    /// See [`Gate::size_mb`].
    SizeMb,
    /// See [`Gate::mcnemar`].
    Mcnemar,
}

impl Metric {
    /// Whether larger values are better.
    pub fn greater_is_better(self) -> bool {
        matches!(self, Self::Accuracy | Self::MacroF1 | Self::ClassRecall | Self::Known)
    }

    /// Its name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accuracy => "accuracy",
            Self::MacroF1 => "macro_f1",
            Self::ClassRecall => "class_recall",
            Self::CalibrationError => "calibration_error",
            Self::Known => "known",
            Self::LatencyMs => "latency_ms",
            Self::SizeMb => "size_mb",
            Self::Mcnemar => "mcnemar",
        }
    }

    /// Whether its values are from 0 to 1.
    fn is_share(self) -> bool {
        !matches!(self, Self::LatencyMs | Self::SizeMb)
    }
}

impl Default for Gate {
    /// An accuracy of at least 50 % and that of the champion, no class with a very low recall, a moderate calibration error,
    /// few images rejected as outliers, and at most 1.5 times the latency and size.
    fn default() -> Self {
        let limit = |threshold, min_absolute_change, min_relative_change| Limit {
            threshold,
            min_absolute_change,
            min_relative_change,
        };
        Self {
            accuracy: limit(Some(0.5), Some(0.0), None),
            macro_f1: Limit::default(),
            class_recall: limit(Some(0.1), Some(-0.25), None),
            class_images: 10,
            calibration_error: limit(Some(0.25), Some(-0.05), None),
            known: limit(Some(0.9), Some(-0.05), None),
            latency_ms: limit(None, None, Some(-0.5)),
            size_mb: limit(None, None, Some(-0.5)),
            mcnemar: Significance::default(),
        }
    }
}

impl Default for Significance {
    fn default() -> Self {
        Self { alpha: 0.05, require: Requirement::default() }
    }
}

impl Gate {
    /// Reads a gate from a JSON file, and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Gate`] when the file cannot be read, is larger than 1 MiB, or is not a gate; [`Error::Limit`] as in
    /// [`check`](Self::check).
    pub fn read(path: &Path) -> Result<Self, Error> {
        let failed = |source| Error::Gate { path: path.to_owned(), source };
        let gate = parse(path).map_err(failed)?;
        gate.check()?;
        Ok(gate)
    }

    /// Checks that the limits are in the range of their metrics.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] for one that is not.
    pub fn check(&self) -> Result<(), Error> {
        for (metric, limit) in self.limits() {
            limit.check(metric)?;
        }
        within(Metric::Mcnemar, "alpha", Some(self.mcnemar.alpha), 0.0, 1.0)
    }

    /// The limits of each metric.
    pub(super) fn limits(&self) -> [(Metric, Limit); 7] {
        [
            (Metric::Accuracy, self.accuracy),
            (Metric::MacroF1, self.macro_f1),
            (Metric::ClassRecall, self.class_recall),
            (Metric::CalibrationError, self.calibration_error),
            (Metric::Known, self.known),
            (Metric::LatencyMs, self.latency_ms),
            (Metric::SizeMb, self.size_mb),
        ]
    }
}

fn parse(path: &Path) -> Result<Gate, Box<dyn std::error::Error + Send + Sync>> {
    let size = fs::metadata(path)?.len();
    if size > FILE_BYTES {
        return Err(
            format!("the file has {size} bytes, more than the limit of {FILE_BYTES}").into()
        );
    }
    let bytes = fs::read(path)?;
    // `serde` also reads a list of values without their names.
    let fields: Map<String, Value> = serde_json::from_slice(&bytes)?;
    if let Some((name, _)) = fields.iter().find(|(_, value)| value.is_array()) {
        return Err(format!("expected an object as `{name}`, got an array").into());
    }
    Ok(serde_json::from_slice(&bytes)?)
}

impl Limit {
    fn check(self, metric: Metric) -> Result<(), Error> {
        let max = if metric.is_share() { 1.0 } else { f64::MAX };
        within(metric, "threshold", self.threshold, 0.0, max)?;
        let change = self.min_absolute_change;
        within(metric, "min_absolute_change", change, -max, max)?;
        let change = self.min_relative_change;
        within(metric, "min_relative_change", change, -f64::MAX, f64::MAX)
    }
}

fn within(
    metric: Metric,
    field: &'static str,
    value: Option<f64>,
    least: f64,
    most: f64,
) -> Result<(), Error> {
    match value {
        // NaN is in no range.
        Some(got) if !(least..=most).contains(&got) => {
            Err(Error::Limit { metric: metric.name(), field, least, most, got })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Gate, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("gate.json");
        fs::write(&file, text).unwrap();
        Gate::read(&file)
    }

    #[test]
    fn a_file_changes_only_the_given_metrics() {
        let text = r#"{"accuracy": {"threshold": 0.9}, "latency_ms": {}, "mcnemar": {"require": "better"}}"#;
        let gate = read(text).unwrap();
        assert_eq!(gate.accuracy.threshold, Some(0.9));
        assert_eq!(gate.accuracy.min_absolute_change, None);
        assert_eq!(gate.latency_ms, Limit::default());
        assert_eq!(gate.size_mb, Gate::default().size_mb);
        let significance = (gate.mcnemar.alpha, gate.mcnemar.require);
        assert_eq!(significance, (0.05, Requirement::Better));
        assert_eq!(read("{}").unwrap(), Gate::default());
        let written = serde_json::to_string(&gate).unwrap();
        assert_eq!(read(&written).unwrap(), gate);
    }

    #[test]
    fn lists_without_names_are_errors() {
        let reason = |text| {
            let error = read(text).unwrap_err();
            std::error::Error::source(&error).unwrap().to_string()
        };
        assert!(reason("[]").contains("expected a map"));
        let nested = reason(r#"{"accuracy": [0.9]}"#);
        assert_eq!(nested, "expected an object as `accuracy`, got an array");
    }

    #[test]
    fn invalid_limits_and_unknown_names_are_errors() {
        for (text, part) in [
            (r#"{"accuracy": {"threshold": 90}}"#, "accuracy"),
            (r#"{"accuracy": {"threshold": -0.1}}"#, "threshold"),
            (r#"{"size_mb": {"threshold": -1}}"#, "size_mb"),
            (r#"{"known": {"threshold": 98}}"#, "known"),
            (r#"{"mcnemar": {"alpha": 5}}"#, "alpha"),
            (r#"{"class_recall": {"min_absolute_change": 2}}"#, "min_absolute_change"),
        ] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Error::Limit { .. }), "{text}: {error}");
            assert!(error.to_string().contains(part), "{text}: {error}");
        }
        for text in [r#"{"acuracy": {}}"#, r#"{"accuracy": {"least": 1}}"#, "", "[", "[1]"] {
            let error = read(text).unwrap_err();
            assert!(matches!(error, Error::Gate { .. }), "{text}: {error}");
        }
        Gate::default().check().unwrap();
    }

    #[test]
    fn missing_and_large_files_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Gate::read(&folder.path().join("gate.json")).unwrap_err();
        assert!(missing.to_string().contains("gate.json"), "{missing}");
        let large = " ".repeat(FILE_BYTES as usize + 1);
        assert!(matches!(read(&large).unwrap_err(), Error::Gate { .. }));
    }
}
