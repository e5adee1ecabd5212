//! Saves evaluations with the model and with its training run.

use std::path::Path;

use mlflow_client::{Batch, Client, now};
use pet_model::{METRICS_FILE, Metrics, ModelMetadata, read_json, write_json};
use pet_report::refresh_card;

use super::evaluation::Evaluation;
use crate::error::Error;

/// Adds metrics to the `results` folder of the model and updates its card. `usage` is Markdown for the card that explains
/// how to use the model with the calling program; it may be empty.
///
/// # Errors
///
/// [`Error::File`] when a file is damaged or cannot be written.
pub fn add_to_results(
    results: &Path,
    metadata: &ModelMetadata,
    evaluations: &[Evaluation],
    usage: &str,
) -> Result<(), Error> {
    let file = results.join(METRICS_FILE);
    let mut metrics: Metrics = if file.exists() { read_json(&file)? } else { Metrics::default() };
    let splits = evaluations.iter();
    let splits = splits.map(|one| (one.name.clone(), one.metrics.clone()));
    metrics.splits.extend(splits);
    write_json(&file, &metrics)?;
    refresh_card(results, metadata, usage)?;
    Ok(())
}

/// Logs metrics and plots to the run that trained the model.
///
/// # Errors
///
/// [`Error::Store`] when the run does not exist or the store fails.
pub fn log_to_run(client: &Client, run_id: &str, evaluations: &[Evaluation]) -> Result<(), Error> {
    client.check()?;
    let run = client.run(run_id)?;
    let artifacts = client.artifacts(&run.artifact_uri)?;
    for evaluation in evaluations {
        let folder = format!("evaluation/{}", evaluation.name);
        let json = serde_json::to_vec_pretty(evaluation)?;
        artifacts.upload_bytes(&json, &format!("{folder}/metrics.json"))?;
        for (name, png) in &evaluation.plots {
            artifacts.upload_bytes(png, &format!("{folder}/{name}"))?;
        }
        client.log_batch(run_id, &batch(evaluation))?;
    }
    Ok(())
}

fn batch(evaluation: &Evaluation) -> Batch {
    let metrics = &evaluation.metrics;
    let calibration = metrics.calibration.as_ref();
    let values = [
        ("acc", Some(metrics.top1)),
        ("top5_acc", Some(metrics.top5)),
        ("macro_f1", Some(metrics.macro_f1)),
        ("loss", Some(metrics.loss)),
        ("calibration_error", calibration.map(|one| one.error)),
    ];
    let time = now();
    let known = values.into_iter().filter_map(|(name, value)| Some((name, value?)));
    known.fold(Batch::new(), |batch, (name, value)| {
        batch.metric(format!("{}_{name}", evaluation.name), value, time, 0)
    })
}
