//! Refits: training the recipe of a finished run again on all images.

use std::io::Read;

use mlflow_client::{Client, Run, RunStatus};
use pet_model::{
    BEST_VAL_ACC, BEST_VAL_LOSS, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, SplitMetrics,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::artifacts::{Plot, SETTINGS_FILE, VALIDATION};
use crate::error::{Error, tracking_error};
use crate::settings::TrainSettings;
use crate::tracking::{ADDED_DIGEST, BEST_EPOCH, trained_on};

/// Limit for the size of settings and metrics.
const MAX_BYTES: u64 = 16 << 20;

/// A finished run whose recipe is trained again, also on its validation images. Its validation metrics stand for the new
/// model, for which no images are left. They are a conservative estimate, because the new model is trained on more images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Refit {
    /// The ID of the run.
    pub run_id: String,
    /// The digest of its data set.
    pub dataset_digest: String,
    /// The digest of its added images, if there were any.
    #[serde(default)]
    pub added_digest: Option<String>,
    /// Description of its split.
    pub split: String,
    /// Its validation accuracy, 0 to 1.
    pub val_acc: f64,
    /// Its validation loss: the mean cross-entropy in nats.
    pub val_loss: f64,
    /// All its validation metrics.
    pub validation: SplitMetrics,
}

impl Refit {
    /// The temperature of the run's calibration.
    pub(super) fn temperature(&self) -> f64 {
        let calibration = self.validation.calibration.as_ref();
        calibration.map_or(1.0, |calibration| calibration.temperature)
    }

    /// The training curves and the confusion matrix of the run, if it has them.
    pub(super) fn plots(&self, client: &Client) -> Result<Vec<Plot>, Error> {
        let run = client.run(&self.run_id).map_err(tracking_error("read the run"))?;
        let mut plots = Vec::new();
        for file in [CURVES_FILE, CONFUSION_FILE] {
            plots.extend(bytes(client, &run, file)?.map(|bytes| (file, bytes)));
        }
        Ok(plots)
    }
}

impl TrainSettings {
    /// The settings that train the recipe of a finished run on all images, for its best number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::NoRefit`] for a run that has not finished, is incomplete, or is itself a refit; [`Error::Tracking`] when the
    /// store fails.
    pub fn refit(client: &Client, run_id: &str) -> Result<Self, Error> {
        let run = client.run(run_id).map_err(tracking_error("read the run"))?;
        if run.status != RunStatus::Finished {
            return Err(no_refit(&run, "it has not finished"));
        }
        let mut settings: Self = artifact(client, &run, SETTINGS_FILE)?;
        if let Some(earlier) = &settings.refit {
            let earlier = &earlier.run_id;
            return Err(no_refit(&run, &format!("it is a refit itself, of `{earlier}`")));
        }
        let mut metrics: Metrics = artifact(client, &run, METRICS_FILE)?;
        let missing = |what: &str| no_refit(&run, &format!("it has no {what}"));
        let validation = metrics.splits.remove(VALIDATION);
        let data = trained_on(&run).ok_or_else(|| missing("data set"))?;
        let metric = |key: &str| {
            let metric = run.metrics.get(key).map(|metric| metric.value);
            let finite = metric.filter(|value| value.is_finite());
            finite.ok_or_else(|| missing(key))
        };
        settings.configuration.epochs = metric(BEST_EPOCH)? as usize + 1;
        settings.configuration.patience = None;
        settings.refit = Some(Refit {
            run_id: run.id.clone(),
            dataset_digest: data.digest,
            added_digest: run.tags.get(ADDED_DIGEST).cloned(),
            split: data.split,
            val_acc: metric(BEST_VAL_ACC)?,
            val_loss: metric(BEST_VAL_LOSS)?,
            validation: validation.ok_or_else(|| missing("metrics on validation images"))?,
        });
        Ok(settings)
    }
}

fn artifact<T: DeserializeOwned>(client: &Client, run: &Run, file: &str) -> Result<T, Error> {
    let bytes = bytes(client, run, file)?;
    let bytes = bytes.ok_or_else(|| no_refit(run, &format!("it has no `{file}`")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| no_refit(run, &format!("its `{file}` cannot be read: {error}")))
}

/// An artifact of the run, if it exists.
fn bytes(client: &Client, run: &Run, file: &str) -> Result<Option<Vec<u8>>, Error> {
    let artifacts = client.artifacts(&run.artifact_uri);
    let artifacts = artifacts.map_err(tracking_error("open the run's files"))?;
    let content = match artifacts.open(file) {
        Ok(content) => content,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(source) => return Err(tracking_error("read the run's files")(source)),
    };
    let mut bytes = Vec::new();
    content.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn no_refit(run: &Run, reason: &str) -> Error {
    Error::NoRefit { run_id: run.id.clone(), reason: reason.into() }
}
