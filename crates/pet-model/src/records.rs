//! `metrics.json` and `selection.json`: how good the served model is, and why it was selected.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Precision, REFIT_OF};

/// The 97.5 % quantile of the standard normal distribution.
const DEVIATIONS: f64 = 1.959_963_984_540_054;

/// Digits of a digest that are shown.
const SHORT_DIGEST: usize = 8;

/// Metrics of every measured split, by name (`validation`, `test`), with the [key](Precision::key) of the model's precision.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Metrics {
    /// The data set that the model was trained on.
    pub dataset: String,
    /// Hyper-parameters of the training run, as logged.
    pub params: BTreeMap<String, String>,
    /// Metrics by split.
    pub splits: BTreeMap<String, SplitMetrics>,
    /// The effect of quantization, if there is a quantized model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quantization: Option<Quantization>,
}

impl Metrics {
    /// The run of which the model is a refit, trained on the validation images as well.
    pub fn refit_of(&self) -> Option<&str> {
        self.params.get(REFIT_OF).map(String::as_str)
    }
}

/// The quantized model compared with the floating-point one on the same images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantization {
    /// Number of compared images.
    pub images: usize,
    /// Number of calibration images.
    pub calibration_images: usize,
    /// Accuracy of the floating-point model, 0 to 1.
    pub top1_fp32: f64,
    /// Accuracy of the quantized model, 0 to 1.
    pub top1_int8: f64,
    /// Share of images with the same prediction, 0 to 1.
    pub agreement: f64,
    /// Convolutions at the start that remain in floating point.
    pub fp32_layers: usize,
    /// Number of convolutions.
    pub layers: usize,
    /// Size of the floating-point model in bytes.
    pub bytes_fp32: u64,
    /// Size of the quantized model in bytes.
    pub bytes_int8: u64,
}

/// Metrics of one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SplitMetrics {
    /// Number of images.
    pub images: usize,
    /// Accuracy, 0 to 1.
    pub top1: f64,
    /// Top-5 accuracy, 0 to 1.
    pub top5: f64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// Unweighted mean of the classes' F1 scores, 0 to 1.
    pub macro_f1: f64,
    /// Calibration of the confidence, if measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// Share of images that the model takes for one of its classes, 0 to 1, if it detects unknown ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<f64>,
    /// Metrics by class name.
    #[serde(default)]
    pub classes: BTreeMap<String, ClassMetrics>,
    /// The command that computed these metrics.
    pub command: String,
}

impl SplitMetrics {
    /// The 95 % confidence interval of the accuracy: Wilson's score interval (1927), which unlike the normal approximation
    /// is accurate near 0 and 1 and for few images.
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

/// Calibration of the confidence on one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The temperature by which logits are divided before softmax.
    pub temperature: f64,
    /// Expected calibration error, 0 to 1.
    pub error: f64,
    /// Expected calibration error without a temperature, 0 to 1.
    pub error_before: f64,
    /// Mean cross-entropy without a temperature, in nats.
    pub loss_before: f64,
}

/// Metrics of one class in one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClassMetrics {
    /// Number of images of this class.
    pub images: usize,
    /// Share of the images predicted as this class that are of it, 0 to 1.
    pub precision: f64,
    /// Share of the images of this class that are predicted as such, 0 to 1.
    pub recall: f64,
    /// Harmonic mean of precision and recall, 0 to 1.
    pub f1: f64,
}

/// A key of [`Metrics::splits`] for people: `test` or `test, int8`.
pub fn split_title(key: &str) -> String {
    match Precision::of_key(key) {
        (split, Precision::Fp32) => split.to_owned(),
        (split, precision) => format!("{split}, {precision}"),
    }
}

/// The selection of one registered version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Selection {
    /// Name in the model registry.
    pub model_name: String,
    /// The rule that ranked the candidates, in words.
    pub rule: String,
    /// The selected version: the first of the candidates.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// Its validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// The alias by which it was selected; empty if it was selected by its number.
    pub alias: String,
    /// What it and all candidates were trained on; `None` if the run does not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<TrainedOn>,
    /// All ranked versions, best first.
    pub candidates: Vec<Candidate>,
    /// Versions that could not be ranked, each with the reason.
    #[serde(default)]
    pub excluded: Vec<(String, String)>,
    /// SHA-256 of the exported `model.onnx` in hexadecimal digits; `None` until it is exported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_sha256: Option<String>,
    /// SHA-256 of the `model.int8.onnx` beside it; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8_sha256: Option<String>,
}

/// What a model was trained on. Only models with the same value have the same validation images.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrainedOn {
    /// Name of the data set.
    pub name: String,
    /// Digest of its classes and images, in hexadecimal digits.
    pub digest: String,
    /// How validation images were split off, in words.
    pub split: String,
}

impl TrainedOn {
    /// The name with the beginning of the digest.
    pub fn short(&self) -> String {
        let digest: String = self.digest.chars().take(SHORT_DIGEST).collect();
        format!("{} {digest}", self.name)
    }
}

/// One registered version on the leaderboard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Version in the model registry.
    pub version: String,
    /// The run that trained it.
    pub run_id: String,
    /// The run's display name.
    pub run_name: String,
    /// Validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// Validation loss; `None` if the run has not logged one.
    pub val_loss: Option<f64>,
    /// Multiplications, each with an addition, for one image; `None` if the run has not logged them.
    #[serde(default)]
    pub multiply_adds: Option<u64>,
    /// Why it has its rank.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let interval = |images, top1| {
            let figures = SplitMetrics { images, top1, ..SplitMetrics::default() };
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

    #[test]
    fn titles_say_split_and_precision() {
        for (precision, title) in [(Precision::Fp32, "test"), (Precision::Int8, "test, int8")] {
            assert_eq!(split_title(&precision.key("test")), title);
        }
    }
}
