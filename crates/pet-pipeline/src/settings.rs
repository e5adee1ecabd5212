//! Settings of a training, which are stored in checkpoints, and those that train the recipe of a finished run again.

use std::io::Read;
use std::path::PathBuf;

use mlflow_client::limits::check_model_name;
use mlflow_client::{Client, Run, RunStatus};
use pet_data::{Dataset, Progress, Split, grouped_folds};
use pet_image::{Augment, Preprocess, Resize};
use pet_model::{
    BEST_VAL_ACC, BEST_VAL_LOSS, CONFUSION_FILE, CURVES_FILE, METRICS_FILE, Metrics, SplitMetrics,
};
use pet_train::network::Architecture;
use pet_train::{Configuration, FineTune};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::check::DuplicateImages;
use crate::data_source::DataSource;
use crate::error::{Error, tracking_error};
use crate::split::Grouping;
use crate::tracking::BEST_EPOCH;
use crate::trained_on::{ADDED_DIGEST, trained_on};

/// The file of a run with its settings.
pub(crate) const SETTINGS_FILE: &str = "settings.json";
/// The name of the validation split.
pub(crate) const VALIDATION: &str = "validation";
/// Limit for the size of settings, which include the metrics of every class in a refit, and of metrics.
pub(crate) const MAX_BYTES: u64 = 16 << 20;

/// File name and PNG file.
pub(crate) type Plot = (&'static str, Vec<u8>);

/// Everything that determines the result of a training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct TrainSettings {
    /// Where the images come from.
    pub data: DataSource,
    /// Folders with additional training images; see [`Dataset::adding`].
    #[serde(default)]
    pub additions: Vec<PathBuf>,
    /// Share of the training images that is used for validation, 0 to 1, unless the data set has validation images.
    pub validation_fraction: f64,
    /// Whether duplicates are kept on one side of the split.
    #[serde(default)]
    pub group_duplicates: bool,
    /// Whether images with consecutive numbers are kept on one side of the split.
    #[serde(default)]
    pub group_series: bool,
    /// Pretrained weights: `.pt`, `.pth` or `.safetensors`. They determine the network.
    pub backbone: PathBuf,
    /// Preprocessing for serving. Its normalization must be that of the pretraining.
    pub recipe: Preprocess,
    /// Image size for training in pixels, if it differs from the recipe's. Only for [`FineTune::All`].
    pub train_size: Option<u32>,
    /// Data augmentation.
    pub augment: Augment,
    /// Hyper-parameters.
    pub configuration: Configuration,
    /// Exported models for knowledge distillation: ONNX models or folders with one. Only for [`FineTune::All`].
    #[serde(default)]
    pub teachers: Vec<PathBuf>,
    /// The finished run whose recipe is trained again on all images.
    #[serde(default)]
    pub refit: Option<Refit>,
    /// MLflow experiment.
    pub experiment: String,
    /// Name in the model registry.
    pub model_name: String,
}

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

impl TrainSettings {
    /// Settings with default hyper-parameters that train only the head, and with the recipe of MobileNetV2;
    /// [`Architecture::recipe`] has those of other networks.
    pub fn new(data: DataSource, backbone: impl Into<PathBuf>) -> Self {
        Self {
            data,
            additions: Vec::new(),
            validation_fraction: 0.2,
            group_duplicates: false,
            group_series: false,
            backbone: backbone.into(),
            recipe: Preprocess::imagenet(),
            train_size: None,
            augment: Augment::standard(),
            configuration: Configuration::default(),
            teachers: Vec::new(),
            refit: None,
            experiment: "Default".into(),
            model_name: "classifier".into(),
        }
    }

    /// Loads the data set after validating the settings.
    ///
    /// # Errors
    ///
    /// [`Error::Train`], [`Error::Store`], [`Error::TrainSize`], [`Error::FrozenStudent`] or [`Error::NoBackbone`] for
    /// invalid settings, [`Error::Data`] for a data set that cannot be used.
    pub fn load(&self, progress: &dyn Progress) -> Result<Dataset, Error> {
        self.configuration.check()?;
        check_model_name(&self.model_name)?;
        self.train_recipe()?;
        if !self.teachers.is_empty() && self.configuration.fine_tune != FineTune::All {
            return Err(Error::FrozenStudent);
        }
        // A download must not be for nothing. Otherwise a mistyped folder is reported first.
        if self.data.is_to_be_made() {
            self.check_backbone()?;
        }
        let dataset = self.data.load(progress)?;
        let dataset = dataset.adding(&self.additions, progress)?;
        self.check_backbone()?;
        Ok(dataset)
    }

    fn check_backbone(&self) -> Result<(), Error> {
        if self.backbone.is_file() {
            return Ok(());
        }
        Err(Error::NoBackbone { path: self.backbone.clone() })
    }

    /// Splits the data set into training and validation images, with each group of [`grouping`](Self::grouping) on one
    /// side.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySplit`] without validation images, [`Error::Data`] for an invalid fraction.
    pub fn split(&self, dataset: &Dataset, duplicates: &DuplicateImages) -> Result<Split, Error> {
        let seed = self.configuration.seed;
        let groups = self.grouping().groups(&dataset.train, duplicates);
        let split = dataset.split(self.validation_fraction, seed, &groups)?;
        if split.validation.is_empty() {
            let dataset = dataset.name.clone();
            return Err(Error::EmptySplit { dataset, split: VALIDATION.into() });
        }
        Ok(split)
    }

    /// Splits the data set into this many folds for cross-validation, otherwise into training and validation images.
    pub(crate) fn splits(
        &self,
        dataset: &Dataset,
        duplicates: &DuplicateImages,
        folds: Option<usize>,
    ) -> Result<Vec<Split>, Error> {
        let Some(count) = folds else {
            return Ok(vec![self.split(dataset, duplicates)?]);
        };
        let samples = [&dataset.train[..], &dataset.validation].concat();
        let seed = self.configuration.seed;
        let groups = self.grouping().groups(&samples, duplicates);
        Ok(grouped_folds(&samples, count, seed, &groups)?)
    }

    /// The images that are kept on one side of a split.
    pub fn grouping(&self) -> Grouping {
        Grouping { duplicates: self.group_duplicates, series: self.group_series }
    }

    /// Checks that the recipe has the normalization that the network was pretrained with.
    pub(crate) fn check_normalization(&self, network: &Architecture) -> Result<(), Error> {
        let constants = |recipe: &Preprocess| (recipe.mean, recipe.standard_deviation);
        let (expected, got) = (constants(&network.recipe), constants(&self.recipe));
        if expected == got {
            return Ok(());
        }
        Err(Error::Normalization { network: network.title, expected, got })
    }

    /// The recipe for training images.
    pub(crate) fn train_recipe(&self) -> Result<Preprocess, Error> {
        match self.train_size {
            None => Ok(self.recipe.clone()),
            Some(size) if self.configuration.fine_tune == FineTune::All => {
                Ok(self.recipe.with_size(size))
            }
            Some(size) => Err(Error::TrainSize { size }),
        }
    }

    /// A short description of the recipe.
    pub(crate) fn recipe_name(&self) -> String {
        match self.recipe.resize {
            Resize::Stretch { size } => format!("stretch {size}"),
            Resize::CenterCrop { resize, size } => format!("resize {resize}, center crop {size}"),
        }
    }

    /// A short description of the augmentation that is used; cached features can only be mirrored.
    pub(crate) fn augment_name(&self) -> String {
        let size = self.train_size.unwrap_or(self.recipe.size());
        let augment = &self.augment;
        match self.configuration.fine_tune {
            FineTune::None => "none".into(),
            FineTune::All if *augment == Augment::none() => format!("size {size}"),
            _ if *augment == Augment::none() => "none".into(),
            FineTune::Last(_) => "mirror".into(),
            FineTune::All => {
                let Augment { scale, ratio, flip, brightness, contrast, saturation, .. } = augment;
                let Augment { operations, magnitude, erase, .. } = augment;
                let mut parts = vec![format!(
                    "crop {scale:?} to {size}, ratio {ratio:?}, mirror {flip}, brightness {brightness}, \
                     contrast {contrast}, saturation {saturation}"
                )];
                if *operations > 0 {
                    parts.push(format!("operations {operations}:{magnitude}"));
                }
                if *erase > 0.0 {
                    parts.push(format!("erase {erase}"));
                }
                parts.join(", ")
            }
        }
    }

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
            let reason = format!("it is a refit itself, of `{}`", earlier.run_id);
            return Err(no_refit(&run, &reason));
        }
        let mut metrics: Metrics = artifact(client, &run, METRICS_FILE)?;
        let missing = |what: &str| no_refit(&run, &format!("it has no {what}"));
        let validation = metrics.splits.remove(VALIDATION);
        let data = trained_on(&run).ok_or_else(|| missing("data set"))?;
        let metric = |key: &str| {
            let value = run.metrics.get(key).map(|metric| metric.value);
            value.filter(|value| value.is_finite()).ok_or_else(|| missing(key))
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

impl Refit {
    /// The temperature of the run's calibration.
    pub(crate) fn temperature(&self) -> f64 {
        self.validation.calibration.as_ref().map_or(1.0, |one| one.temperature)
    }

    /// The training curves and the confusion matrix of the run, if it has them.
    pub(crate) fn plots(&self, client: &Client) -> Result<Vec<Plot>, Error> {
        let run = client.run(&self.run_id).map_err(tracking_error("read the run"))?;
        let mut plots = Vec::new();
        for file in [CURVES_FILE, CONFUSION_FILE] {
            plots.extend(bytes(client, &run, file)?.map(|bytes| (file, bytes)));
        }
        Ok(plots)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normalization_must_be_that_of_the_network() {
        let mut settings = TrainSettings::new(DataSource::Folder("pets".into()), "weights.pt");
        let network = |name| Architecture::named(name).unwrap();
        settings.check_normalization(network("mobilenet_v2")).unwrap();
        let lite = network("efficientnet_lite0");
        let error = settings.check_normalization(lite).unwrap_err();
        assert!(error.to_string().starts_with("EfficientNet-Lite0 expects"), "{error}");
        settings.recipe = lite.recipe.with_size(192);
        settings.check_normalization(lite).unwrap();
    }
}
