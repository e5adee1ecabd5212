//! The files that are kept with a run.

use pet_data::Dataset;
use pet_model::{
    CLASSES_FILE, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, ModelMetadata, softmax,
};
use pet_pipeline::TrackedRun;
use pet_report::{
    ConfusionMatrix, CurvePoint, confusion_matrix_png, measure_logits, training_curves_png,
};
use pet_train::{EpochMetrics, Trained};

use crate::failure::Failure;

/// Logs the classes, the figures on the validation images, the curves and the confusion matrix.
pub(super) fn log(
    run: &mut TrackedRun,
    name: &str,
    trained: &Trained,
    metadata: &ModelMetadata,
    labels: &[usize],
    dataset: &Dataset,
    parameters: &[(&'static str, String)],
) -> Result<(), Failure> {
    let classes = &dataset.classes;
    let (logits, temperature) = (&trained.logits, metadata.temperature());
    let figures = measure_logits(logits, labels, classes, temperature, "pet-cli train")?;
    let metrics = Metrics {
        dataset: dataset.name.clone(),
        params: parameters
            .iter()
            .map(|(key, value)| ((*key).into(), value.clone()))
            .collect(),
        splits: [("validation".into(), figures)].into(),
    };
    let points: Vec<CurvePoint> = trained.history.iter().map(curve_point).collect();
    // Training has refused what is not finite, so every row has its probabilities.
    let probabilities: Vec<_> = logits
        .iter()
        .filter_map(|row| softmax(row, temperature))
        .collect();
    let confusion = ConfusionMatrix::new(&probabilities, labels, classes.len())?;
    let title = format!("{} validation images of {}", labels.len(), dataset.name);
    run.log_artifact(CLASSES_FILE, &serde_json::to_vec_pretty(classes)?)?;
    run.log_artifact(METRICS_FILE, &serde_json::to_vec_pretty(&metrics)?)?;
    run.log_artifact(CURVES_FILE, &training_curves_png(&points, name)?)?;
    let confusion = confusion_matrix_png(&confusion, classes, &title)?;
    run.log_artifact(CONFUSION_FILE, &confusion)?;
    Ok(())
}

fn curve_point(metrics: &EpochMetrics) -> CurvePoint {
    let EpochMetrics {
        epoch,
        train_loss,
        train_acc,
        val_loss,
        val_acc,
    } = *metrics;
    CurvePoint {
        // People count from 1.
        epoch: epoch + 1,
        train_loss,
        train_acc,
        val_loss,
        val_acc,
    }
}
