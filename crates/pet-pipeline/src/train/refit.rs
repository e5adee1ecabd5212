//! Training the recipe of a finished run once more, on all images.

use std::io::Read;

use mlflow_client::{Client, Run, RunStatus};
use pet_model::{
    BEST_VAL_ACC, BEST_VAL_LOSS, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, SplitMetrics,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::artifacts::{Picture, SETTINGS_FILE, VALIDATION};
use crate::error::{Error, doing};
use crate::settings::TrainSettings;
use crate::tracking::{ADDED_DIGEST, BEST_EPOCH, trained_on};

/// Far larger than any settings, and than the figures of any model.
const MAX_BYTES: u64 = 16 << 20;

/// A finished run whose recipe is trained once more, on the images that it was validated on as well. What that run
/// measured stands for the new model, which has no images left to be measured with: it has seen a quarter more of them,
/// so the estimate is a careful one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Refit {
    /// The run.
    pub run_id: String,
    /// The whole digest of its data set.
    pub dataset_digest: String,
    /// The whole digest of the images that were added to it, if there were any.
    #[serde(default)]
    pub added_digest: Option<String>,
    /// How that was split, in words.
    pub split: String,
    /// Share of its validation images classified correctly, 0 to 1.
    pub val_acc: f64,
    /// Mean cross-entropy on them, in nats.
    pub val_loss: f64,
    /// All figures on them.
    pub validation: SplitMetrics,
}

impl Refit {
    /// The temperature that fits the validation images of the run.
    pub(super) fn temperature(&self) -> f64 {
        let calibration = self.validation.calibration.as_ref();
        calibration.map_or(1.0, |calibration| calibration.temperature)
    }

    /// The curves and the confusion matrix of the run, as far as it has them.
    pub(super) fn pictures(&self, client: &Client) -> Result<Vec<Picture>, Error> {
        let run = client.run(&self.run_id).map_err(doing("read the run"))?;
        let files = [CURVES_FILE, CONFUSION_FILE].into_iter();
        let pictures = files.map(|file| Ok((file, bytes(client, &run, file)?)));
        let pictures = pictures.collect::<Result<Vec<_>, Error>>()?.into_iter();
        Ok(pictures
            .filter_map(|(file, bytes)| Some((file, bytes?)))
            .collect())
    }
}

impl TrainSettings {
    /// The settings of a finished run, to train on all its images for as many epochs as were best.
    ///
    /// # Errors
    ///
    /// [`Error::NoRefit`] for a run that has not finished, lacks what is needed, or is a refit itself; [`Error::Tracking`]
    /// when the store fails.
    pub fn refit(client: &Client, run_id: &str) -> Result<Self, Error> {
        let run = client.run(run_id).map_err(doing("read the run"))?;
        if run.status != RunStatus::Finished {
            return Err(no_refit(&run, "it has not finished"));
        }
        let mut settings: Self = artifact(client, &run, SETTINGS_FILE)?;
        if let Some(earlier) = &settings.refit {
            let earlier = &earlier.run_id;
            return Err(no_refit(
                &run,
                &format!("it is a refit itself, of `{earlier}`"),
            ));
        }
        let figures: Metrics = artifact(client, &run, METRICS_FILE)?;
        let mut splits = figures.splits;
        let missing = |what: &str| no_refit(&run, &format!("it has no {what}"));
        let validation = splits.remove(VALIDATION);
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
            validation: validation.ok_or_else(|| missing("figures on validation images"))?,
        });
        Ok(settings)
    }
}

fn artifact<T: DeserializeOwned>(client: &Client, run: &Run, file: &str) -> Result<T, Error> {
    let bytes = bytes(client, run, file)?;
    let bytes = bytes.ok_or_else(|| no_refit(run, &format!("it keeps no `{file}`")))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| no_refit(run, &format!("its `{file}` cannot be read: {error}")))
}

/// A file that the run keeps, if it does.
fn bytes(client: &Client, run: &Run, file: &str) -> Result<Option<Vec<u8>>, Error> {
    let artifacts = client.artifacts(&run.artifact_uri);
    let artifacts = artifacts.map_err(doing("open the run's files"))?;
    let content = match artifacts.open(file) {
        Ok(content) => content,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(source) => return Err(doing("read the run's files")(source)),
    };
    let mut bytes = Vec::new();
    content.take(MAX_BYTES).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn no_refit(run: &Run, reason: &str) -> Error {
    Error::NoRefit {
        run_id: run.id.clone(),
        reason: reason.into(),
    }
}
