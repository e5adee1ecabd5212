//! The artifacts of a training run.

use pet_data::Dataset;
use pet_model::{CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, softmax};
use pet_report::{
    ConfusionMatrix, CurvePoint, confusion_matrix_png, measure_logits, training_curves_png,
};
use pet_train::EpochMetrics;

use crate::error::Error;
use crate::settings::TrainSettings;
use crate::tracking::TrackedRun;

pub(super) const SETTINGS_FILE: &str = "settings.json";
/// The name of the validation split.
pub(super) const VALIDATION: &str = "validation";

/// File name and PNG file.
pub(super) type Plot = (&'static str, Vec<u8>);

pub(super) struct Artifacts<'a> {
    pub(super) settings: &'a TrainSettings,
    /// All epochs.
    pub(super) history: &'a [EpochMetrics],
    /// The logits of the validation images.
    pub(super) logits: &'a [Vec<f32>],
    pub(super) temperature: f64,
    pub(super) dataset: &'a Dataset,
    /// The class of each validation image.
    pub(super) labels: &'a [usize],
    /// The plots of the refitted run, for a refit.
    pub(super) plots: &'a [Plot],
    pub(super) params: Vec<(&'static str, String)>,
    /// The command that reproduces the metrics.
    pub(super) command: &'a str,
}

impl Artifacts<'_> {
    /// Logs settings, classes, validation metrics, training curves and the confusion matrix. A refit has no validation images:
    /// its metrics and plots are those of the refitted run.
    pub(super) fn log(self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let (logits, temperature) = (self.logits, self.temperature);
        run.log_artifact(SETTINGS_FILE, &serde_json::to_vec_pretty(self.settings)?)?;
        run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
        let validation = if let Some(refit) = &self.settings.refit {
            let mut plots = self.plots.iter();
            plots.try_for_each(|(name, png)| run.log_artifact(name, png))?;
            refit.validation.clone()
        } else {
            self.log_plots(run)?;
            measure_logits(logits, labels, classes, temperature, self.command)?
        };
        let params = self.params.into_iter();
        let metrics = Metrics {
            dataset: self.dataset.name.clone(),
            params: params.map(|(key, value)| (key.into(), value)).collect(),
            splits: [(VALIDATION.into(), validation)].into(),
            quantization: None,
        };
        run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)
    }

    fn log_plots(&self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let (logits, temperature) = (self.logits, self.temperature);
        let points: Vec<CurvePoint> = self.history.iter().filter_map(curve_point).collect();
        // Training rejects logits that are not finite, so that no row is skipped.
        let rows = logits.iter().filter_map(|row| softmax(row, temperature));
        let probabilities: Vec<_> = rows.collect();
        let confusion = ConfusionMatrix::new(&probabilities, labels, classes.len())?;
        let images = labels.len();
        let title = format!("{images} validation images of {}", self.dataset.name);
        let curves = training_curves_png(&points, run.name())?;
        run.log_artifact(CURVES_FILE, &curves)?;
        let confusion = confusion_matrix_png(&confusion, classes, &title)?;
        run.log_artifact(CONFUSION_FILE, &confusion)
    }
}

fn curve_point(metrics: &EpochMetrics) -> Option<CurvePoint> {
    Some(CurvePoint {
        // Plots count from 1.
        epoch: metrics.epoch + 1,
        train_loss: metrics.train_loss,
        train_acc: metrics.train_acc,
        val_loss: metrics.val_loss?,
        val_acc: metrics.val_acc?,
    })
}
