//! The figures of one version.

use pet_model::{Precision, SplitMetrics};

use super::gate::Metric;
use crate::evaluate::Evaluation;

/// Bytes in the unit of [`Metric::SizeMb`].
const MEGABYTE: f64 = 1e6;

/// The metrics of one version on the images of the comparison, served in one precision.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// The precision of the model.
    pub precision: Precision,
    /// Accuracy, calibration, and figures by class.
    pub figures: SplitMetrics,
    /// Whether the first guess is right, for each image in turn.
    pub right: Vec<bool>,
    /// Time of one prediction in milliseconds.
    pub latency_ms: f64,
    /// Size of the model file in bytes.
    pub bytes: u64,
}

impl Measured {
    /// What was evaluated, with the time of one prediction and the size of the model.
    pub fn new(precision: Precision, evaluation: &Evaluation, latency_ms: f64, bytes: u64) -> Self {
        Self {
            precision,
            figures: evaluation.figures.clone(),
            right: evaluation.right.clone(),
            latency_ms,
            bytes,
        }
    }

    /// A figure of the whole model; `None` where it was not measured, and for those of single classes or of two models.
    pub(super) fn figure(&self, metric: Metric) -> Option<f64> {
        let calibration = self.figures.calibration.as_ref();
        match metric {
            Metric::Accuracy => Some(self.figures.top1),
            Metric::MacroF1 => Some(self.figures.macro_f1),
            Metric::CalibrationError => calibration.map(|one| one.error),
            Metric::Known => self.figures.known,
            Metric::LatencyMs => Some(self.latency_ms),
            Metric::SizeMb => Some(self.bytes as f64 / MEGABYTE),
            Metric::ClassRecall | Metric::Mcnemar => None,
        }
    }
}
