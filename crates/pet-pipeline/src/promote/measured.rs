use pet_model::{Precision, SplitMetrics};
use serde::{Deserialize, Serialize};

use super::gate::Metric;
use crate::evaluate::Evaluation;

/// Bytes in the unit of [`Metric::SizeMb`].
const MEGABYTE: f64 = 1e6;

/// Why the share of known images of a version was not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NoKnown {
    /// Its similarity threshold would come from the same images, so that every model would recognize the same share.
    SameImages,
    /// The data set lacks the training or validation images from which a model learns to detect outliers.
    NoTrainingImages,
    /// It was exported without outlier detection.
    NoDetection,
}

/// The metrics of one version on the images of the comparison, served in one precision.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// The precision of the model.
    pub precision: Precision,
    /// Accuracy, calibration, and metrics by class.
    pub metrics: SplitMetrics,
    /// Whether each image is classified correctly.
    pub right: Vec<bool>,
    /// Latency in milliseconds.
    pub latency_ms: f64,
    /// Size of the model file in bytes.
    pub bytes: u64,
    /// Why the metrics lack the share of known images, if they do.
    pub no_known: Option<NoKnown>,
}

impl Measured {
    /// The metrics of an evaluation, with the latency and the size of the model.
    pub fn new(precision: Precision, evaluation: &Evaluation, latency_ms: f64, bytes: u64) -> Self {
        Self {
            precision,
            metrics: evaluation.metrics.clone(),
            right: evaluation.right.clone(),
            latency_ms,
            bytes,
            no_known: None,
        }
    }

    /// Sets the reason if the share of known images was not measured.
    #[must_use]
    pub fn with_no_known(self, reason: NoKnown) -> Self {
        let no_known = self.metrics.known.is_none().then_some(reason);
        Self { no_known, ..self }
    }

    /// A metric of the model; `None` if it was not measured, and for metrics of a class or of two models.
    pub(super) fn metric(&self, metric: Metric) -> Option<f64> {
        let calibration = self.metrics.calibration.as_ref();
        match metric {
            Metric::Accuracy => Some(self.metrics.top1),
            Metric::MacroF1 => Some(self.metrics.macro_f1),
            Metric::CalibrationError => calibration.map(|one| one.error),
            Metric::Known => self.metrics.known,
            Metric::LatencyMs => Some(self.latency_ms),
            Metric::SizeMb => Some(self.bytes as f64 / MEGABYTE),
            Metric::ClassRecall | Metric::Mcnemar => None,
        }
    }
}
