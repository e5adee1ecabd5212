//! The files that are kept with a run.

use pet_data::Dataset;
use pet_model::{CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, softmax};
use pet_report::{
    ConfusionMatrix, CurvePoint, confusion_matrix_png, measure_logits, training_curves_png,
};
use pet_train::EpochMetrics;

use crate::error::Error;
use crate::settings::TrainSettings;
use crate::tracking::TrackedRun;

/// What was trained, on what, and how.
pub(super) const SETTINGS_FILE: &str = "settings.json";
/// The split whose figures training measures.
pub(super) const VALIDATION: &str = "validation";

/// A picture by the name of its file.
pub(super) type Picture = (&'static str, Vec<u8>);

/// What the files are made of.
pub(super) struct Artifacts<'a> {
    pub(super) settings: &'a TrainSettings,
    /// All epochs.
    pub(super) history: &'a [EpochMetrics],
    /// The answers to the validation images: one number for each image and class.
    pub(super) logits: &'a [Vec<f32>],
    pub(super) temperature: f64,
    pub(super) dataset: &'a Dataset,
    /// The class of each validation image.
    pub(super) labels: &'a [usize],
    /// What the refitted run has drawn, for a refit.
    pub(super) pictures: &'a [Picture],
    pub(super) params: Vec<(&'static str, String)>,
    /// The command that measures the figures again.
    pub(super) command: &'a str,
}

impl Artifacts<'_> {
    /// Logs the settings, the classes, the figures on the validation images, the curves and the confusion matrix. A refit
    /// has no validation images: the figures and pictures are those of the run that it refits.
    pub(super) fn log(self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let (logits, temperature) = (self.logits, self.temperature);
        run.log_artifact(SETTINGS_FILE, &serde_json::to_vec_pretty(self.settings)?)?;
        run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
        let figures = if let Some(refit) = &self.settings.refit {
            let mut pictures = self.pictures.iter();
            pictures.try_for_each(|(name, png)| run.log_artifact(name, png))?;
            refit.validation.clone()
        } else {
            self.log_pictures(run)?;
            measure_logits(logits, labels, classes, temperature, self.command)?
        };
        let params = self.params.into_iter();
        let metrics = Metrics {
            dataset: self.dataset.name.clone(),
            params: params.map(|(key, value)| (key.into(), value)).collect(),
            splits: [(VALIDATION.into(), figures)].into(),
            quantization: None,
        };
        run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)
    }

    fn log_pictures(&self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let (logits, temperature) = (self.logits, self.temperature);
        let points: Vec<CurvePoint> = self.history.iter().filter_map(curve_point).collect();
        // Training has refused what is not finite, so every row has its probabilities.
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
        // People count from 1.
        epoch: metrics.epoch + 1,
        train_loss: metrics.train_loss,
        train_acc: metrics.train_acc,
        val_loss: metrics.val_loss?,
        val_acc: metrics.val_acc?,
    })
}
