//! The measurements of a version.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use pet_data::Sample;
use pet_model::{ClassMetrics, Precision};
use pet_predict::ImagePredictor;
use serde::{Deserialize, Serialize};

use super::gate::Metric;
use crate::error::Error;
use crate::evaluate::{Evaluation, image_error, read_image};

/// Bytes in the unit of [`Metric::SizeMb`].
const MEGABYTE: f64 = 1e6;

/// Maximum number of images to predict.
const IMAGES: usize = 12;
/// Number of predictions of each image.
const ROUNDS: usize = 5;

/// The measurements of one version on the images of the comparison, served in one precision.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Measured {
    /// Its metrics.
    pub report: ContenderMetrics,
    /// Its metrics by class.
    pub classes: BTreeMap<String, ClassMetrics>,
    /// Whether each image is classified correctly.
    pub right: Vec<bool>,
}

/// The metrics of a version in one precision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ContenderMetrics {
    /// The precision: that of the champion is fp32 if it has no int8 model.
    pub precision: Precision,
    /// Top-1 accuracy, 0 to 1.
    pub accuracy: f64,
    /// Mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: f64,
    /// Expected calibration error, 0 to 1.
    pub calibration_error: Option<f64>,
    /// Share of images that are not rejected as outliers, 0 to 1.
    pub known: Option<f64>,
    /// Why that share was not measured, if it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_known: Option<NoKnown>,
    /// Latency in milliseconds.
    pub latency_ms: f64,
    /// Size of the model file in bytes.
    pub bytes: u64,
}

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

impl Measured {
    /// The metrics of an evaluation, with the latency and the size of the model.
    pub fn new(precision: Precision, evaluation: &Evaluation, latency_ms: f64, bytes: u64) -> Self {
        let metrics = &evaluation.metrics;
        let report = ContenderMetrics {
            precision,
            accuracy: metrics.top1,
            macro_f1: metrics.macro_f1,
            calibration_error: metrics.calibration.as_ref().map(|one| one.error),
            known: metrics.known,
            no_known: None,
            latency_ms,
            bytes,
        };
        Self { report, classes: metrics.classes.clone(), right: evaluation.right.clone() }
    }

    /// Sets the reason if the share of known images was not measured.
    #[must_use]
    pub fn with_no_known(mut self, reason: NoKnown) -> Self {
        self.report.no_known = self.report.known.is_none().then_some(reason);
        self
    }

    /// A metric of the model; `None` if it was not measured, and for metrics of a class or of two models.
    pub(super) fn metric(&self, metric: Metric) -> Option<f64> {
        match metric {
            Metric::Accuracy => Some(self.report.accuracy),
            Metric::MacroF1 => Some(self.report.macro_f1),
            Metric::CalibrationError => self.report.calibration_error,
            Metric::Known => self.report.known,
            Metric::LatencyMs => Some(self.report.latency_ms),
            Metric::SizeMb => Some(self.report.bytes as f64 / MEGABYTE),
            Metric::ClassRecall | Metric::Mcnemar => None,
        }
    }
}

/// The latency of each predictor in milliseconds, from encoded image to prediction: the median over images of the fastest
/// of several predictions. The predictors take turns, so that other load affects all of them equally.
///
/// Without images, the latency is NaN.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted.
pub fn latency_ms(predictors: &[&ImagePredictor], samples: &[Sample]) -> Result<Vec<f64>, Error> {
    let mut fastest = vec![Vec::new(); predictors.len()];
    let limits = predictors.first().map(|first| first.model().options().image).unwrap_or_default();
    for sample in spread(samples) {
        let content = read_image(&sample.path, &limits)?;
        let mut times = vec![Duration::MAX; predictors.len()];
        for _ in 0..ROUNDS {
            for (predictor, least) in predictors.iter().zip(&mut times) {
                let start = Instant::now();
                predictor.predict(&content).map_err(image_error(&sample.path))?;
                *least = start.elapsed().min(*least);
            }
        }
        for (all, least) in fastest.iter_mut().zip(times) {
            all.push(least.as_secs_f64() * 1e3);
        }
    }
    Ok(fastest.iter_mut().map(|times| median(times)).collect())
}

/// Up to [`IMAGES`] evenly spaced samples.
fn spread(samples: &[Sample]) -> impl Iterator<Item = &Sample> {
    let step = samples.len().div_ceil(IMAGES).max(1);
    samples.iter().step_by(step)
}

/// The median; NaN without values.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    match (values.get(low), values.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_evenly_spaced() {
        let numbers = |count: usize| {
            let samples: Vec<Sample> =
                (0..count).map(|class| Sample { path: "x".into(), class }).collect();
            let classes = spread(&samples).map(|sample| sample.class);
            classes.collect::<Vec<_>>()
        };
        assert_eq!(numbers(0), [0; 0]);
        assert_eq!(numbers(3), [0, 1, 2]);
        assert_eq!(numbers(13), [0, 2, 4, 6, 8, 10, 12]);
        let many = numbers(736);
        assert_eq!((many.len(), many.last()), (12, Some(&682)));
    }

    #[test]
    fn median_of_odd_and_even_counts() {
        assert!((median(&mut [3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median(&mut [4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median(&mut []).is_nan());
    }
}
