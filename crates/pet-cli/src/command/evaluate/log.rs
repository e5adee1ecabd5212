//! The figures and pictures, kept with the run that trained the model.

use mlflow_client::{Batch, Client, now};
use pet_model::ModelMetadata;

use super::measured::Measured;
use crate::arguments::TrackingArguments;
use crate::failure::Failure;
use crate::{output, tracking};

/// Logs everything to the model's run and says so, or why not: figures that could not be logged are no less true.
pub(super) fn log(
    arguments: &TrackingArguments,
    metadata: &ModelMetadata,
    all: &[Measured],
) -> String {
    let Some(run_id) = &metadata.run_id else {
        return "not logged: the model names no run".into();
    };
    match try_log(arguments, run_id, all) {
        Ok(true) => format!("logged to run {run_id}"),
        Ok(false) => "not logged: there is no tracking store here (see --tracking-uri)".into(),
        Err(failure) => format!("not logged: {}", output::explain(&failure).join(": ")),
    }
}

/// False if there is no store.
fn try_log(arguments: &TrackingArguments, run_id: &str, all: &[Measured]) -> Result<bool, Failure> {
    let Some(client) = tracking::existing(arguments)? else {
        return Ok(false);
    };
    client.check()?;
    let run = client.run(run_id)?;
    let artifacts = client.artifacts(&run.artifact_uri)?;
    for measured in all {
        let folder = format!("evaluation/{}", measured.name);
        let json = serde_json::to_vec_pretty(&measured.for_programs())?;
        artifacts.upload_bytes(&json, &format!("{folder}/metrics.json"))?;
        for (name, png) in &measured.pictures {
            artifacts.upload_bytes(png, &format!("{folder}/{name}"))?;
        }
        log_figures(&client, run_id, measured)?;
    }
    Ok(true)
}

fn log_figures(client: &Client, run_id: &str, measured: &Measured) -> Result<(), Failure> {
    let figures = &measured.figures;
    let calibration = figures.calibration.as_ref();
    let values = [
        ("acc", Some(figures.top1)),
        ("top5_acc", Some(figures.top5)),
        ("macro_f1", Some(figures.macro_f1)),
        ("loss", Some(figures.loss)),
        ("calibration_error", calibration.map(|one| one.error)),
    ];
    let time = now();
    let known = values
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let batch = known.fold(Batch::new(), |batch, (name, value)| {
        batch.metric(format!("{}_{name}", measured.name), value, time, 0)
    });
    Ok(client.log_batch(run_id, &batch)?)
}
