//! The files that are kept with a run.

use pet_data::Dataset;
use pet_model::{
    CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, ModelMetadata, softmax,
};
use pet_report::{
    ConfusionMatrix, CurvePoint, confusion_matrix_png, measure_logits, training_curves_png,
};
use pet_train::{EpochMetrics, Trained};

use crate::error::Error;
use crate::tracking::TrackedRun;

/// What the files are made of.
pub(super) struct Artifacts<'a> {
    pub(super) trained: &'a Trained,
    pub(super) metadata: &'a ModelMetadata,
    pub(super) dataset: &'a Dataset,
    /// The class of each validation image.
    pub(super) labels: &'a [usize],
    pub(super) params: Vec<(&'static str, String)>,
    /// The command that measures the figures again.
    pub(super) command: &'a str,
}

impl Artifacts<'_> {
    /// Logs the classes, the figures on the validation images, the curves and the confusion matrix.
    pub(super) fn log(self, run: &mut TrackedRun) -> Result<(), Error> {
        let (classes, labels) = (&self.dataset.classes, self.labels);
        let (logits, temperature) = (&self.trained.logits, self.metadata.temperature());
        let figures = measure_logits(logits, labels, classes, temperature, self.command)?;
        let params = self.params.into_iter();
        let metrics = Metrics {
            dataset: self.dataset.name.clone(),
            params: params.map(|(key, value)| (key.into(), value)).collect(),
            splits: [("validation".into(), figures)].into(),
            quantization: None,
        };
        let points: Vec<CurvePoint> = self.trained.history.iter().map(curve_point).collect();
        // Training has refused what is not finite, so every row has its probabilities.
        let rows = logits.iter().filter_map(|row| softmax(row, temperature));
        let probabilities: Vec<_> = rows.collect();
        let confusion = ConfusionMatrix::new(&probabilities, labels, classes.len())?;
        let images = labels.len();
        let title = format!("{images} validation images of {}", self.dataset.name);
        let curves = training_curves_png(&points, run.name())?;
        run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
        run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)?;
        run.log_artifact(CURVES_FILE, &curves)?;
        let confusion = confusion_matrix_png(&confusion, classes, &title)?;
        run.log_artifact(CONFUSION_FILE, &confusion)
    }
}

fn curve_point(metrics: &EpochMetrics) -> CurvePoint {
    CurvePoint {
        // People count from 1.
        epoch: metrics.epoch + 1,
        train_loss: metrics.train_loss,
        train_acc: metrics.train_acc,
        val_loss: metrics.val_loss,
        val_acc: metrics.val_acc,
    }
}
