//! `metrics.json`: how good the served model is.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::REFIT_OF;

/// Figures on every split that was measured, by the split's name (`validation`, `test`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The data set that the model was trained on.
    pub dataset: String,
    /// Hyper-parameters of the training run, as logged.
    pub params: BTreeMap<String, String>,
    /// Figures by split.
    pub splits: BTreeMap<String, SplitMetrics>,
    /// What the model in 8-bit integers costs, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
}

impl Metrics {
    /// The run that the model is a refit of: it was trained on the validation images as well.
    pub fn refit_of(&self) -> Option<&str> {
        self.params.get(REFIT_OF).map(String::as_str)
    }
}

/// The model in 8-bit integers beside the one in floating-point numbers, on the same images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantization {
    /// Number of images that both were run on.
    pub images: usize,
    /// Number of images that the ranges of the integers were taken from.
    pub calibration_images: usize,
    /// Share of images whose first guess in floating-point numbers is right, 0 to 1.
    pub top1_fp32: f64,
    /// The same in integers.
    pub top1_int8: f64,
    /// Share of images whose first guess is the same in both, 0 to 1.
    pub agreement: f64,
    /// Convolutions at the start that still compute in floating-point numbers.
    pub fp32_layers: usize,
    /// All convolutions.
    pub layers: usize,
    /// Size of the model in floating-point numbers in bytes.
    pub bytes_fp32: u64,
    /// Size of the model in integers in bytes.
    pub bytes_int8: u64,
}

/// Figures on one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitMetrics {
    /// Number of images.
    pub images: usize,
    /// Share of images whose first guess is right, 0 to 1.
    pub top1: f64,
    /// Share of images with the right class among the first five guesses, 0 to 1.
    pub top5: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Unweighted mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: f64,
    /// How far the confidence can be believed, where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Share of images that the model takes for pictures of its classes, 0 to 1, where it can tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<f64>,
    /// Figures by class name.
    #[serde(default)]
    pub classes: BTreeMap<String, ClassMetrics>,
    /// The command that made these figures.
    pub command: String,
}

impl SplitMetrics {
    /// Where the share of right first guesses lies on all images of the kind, with 95 % confidence: Wilson's interval
    /// (1927), which unlike that of the normal distribution is good near 0 and 1 and for few images as well.
    ///
    /// ```
    /// use pet_model::SplitMetrics;
    ///
    /// let figures = SplitMetrics { images: 1480, top1: 0.9, ..SplitMetrics::default() };
    /// let (low, high) = figures.top1_interval();
    /// assert!((low - 0.8836).abs() < 1e-4 && (high - 0.9143).abs() < 1e-4);
    /// ```
    pub fn top1_interval(&self) -> (f64, f64) {
        if self.images == 0 {
            return (0.0, 1.0);
        }
        let (share, images) = (self.top1, self.images as f64);
        let square = DEVIATIONS * DEVIATIONS;
        let spread = share * (1.0 - share) / images + square / (4.0 * images * images);
        let middle = share + square / (2.0 * images);
        let bound = |sign: f64| {
            let bound = (middle + sign * DEVIATIONS * spread.sqrt()) / (1.0 + square / images);
            bound.clamp(0.0, 1.0)
        };
        (bound(-1.0), bound(1.0))
    }
}

/// Standard deviations around the mean of a normal distribution that hold 95 % of it.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// How far the confidence of the first guess is from the share of right answers on one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What the logits were divided by before softmax.
    pub temperature: f64,
    /// Expected calibration error of the confidence that is served, 0 to 1.
    pub error: f64,
    /// The same without a temperature, 0 to 1.
    pub error_before: f64,
    /// Mean cross-entropy without a temperature, in nats.
    pub loss_before: f64,
}

/// Figures on one class of one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Number of images of this class.
    pub images: usize,
    /// Of the images taken for this class, the share that are of it, 0 to 1.
    pub precision: f64,
    /// Of the images of this class, the share found, 0 to 1.
    pub recall: f64,
    /// Harmonic mean of precision and recall, 0 to 1.
    pub f1: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let interval = |images, top1| {
            let figures = SplitMetrics {
                images,
                top1,
                ..SplitMetrics::default()
            };
            figures.top1_interval()
        };
        let near = |(low, high): (f64, f64), expected: (f64, f64)| {
            assert!((low - expected.0).abs() < 1e-4, "{low}");
            assert!((high - expected.1).abs() < 1e-4, "{high}");
        };
        // Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20 and 1 of 29.
        near(interval(263, 81.0 / 263.0), (0.2553, 0.3662));
        near(interval(148, 15.0 / 148.0), (0.0624, 0.1605));
        near(interval(20, 0.0), (0.0, 0.1611));
        near(interval(29, 1.0 / 29.0), (0.0061, 0.1718));
        near(interval(20, 1.0), (0.8389, 1.0));
        near(interval(0, 0.0), (0.0, 1.0));
    }
}
