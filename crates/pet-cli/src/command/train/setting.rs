//! On what is trained, and with what.

use std::cell::Cell;
use std::path::PathBuf;

use clap::Args;
use pet_data::Progress;
use pet_image::{Augment, Preprocess};
use pet_train::{FineTune, Interrupt, Weights};

use super::hyperparameters::HyperParameters;
use super::materials::Source;
use super::recipe;
use super::runs::Experiment;
use crate::arguments::{
    CacheArgument, DatasetArguments, JsonArgument, ModelNameArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::{setup, tracking, workspace};

/// What every kind of training has to be told.
#[derive(Args)]
pub(crate) struct Setting {
    #[command(flatten)]
    dataset: DatasetArguments,
    #[command(flatten)]
    pub(crate) hyperparameters: HyperParameters,
    /// How a photograph becomes the network's square input, served as it was trained: stretch, or stretch:SIZE for
    /// another size than 224 pixels; center-crop, the middle 224 of a shorter side of 256, or center-crop:RESIZE:SIZE
    #[arg(long, value_name = "RECIPE", default_value = "stretch", value_parser = recipe::parse)]
    recipe: Preprocess,
    /// MobileNetV2 weights: .pt, .pth or .safetensors [default: those in the cache]
    #[arg(long, value_name = "FILE")]
    backbone: Option<PathBuf>,
    /// MLflow experiment
    #[arg(
        long,
        value_name = "NAME",
        default_value = "OxfordPetExperiment",
        env = "MLFLOW_EXPERIMENT_NAME"
    )]
    experiment: String,
    #[command(flatten)]
    pub(crate) model_name: ModelNameArgument,
    #[command(flatten)]
    pub(crate) tracking: TrackingArguments,
    #[command(flatten)]
    pub(crate) cache: CacheArgument,
    #[command(flatten)]
    pub(crate) json: JsonArgument,
}

impl Setting {
    /// Prepares what all runs share, and hands it to `work`. The first run goes on with `resume`, if there is one;
    /// `command` is kept with runs that are interrupted, so that they can be taken up again.
    pub(crate) fn with_experiment<T>(
        &self,
        resume: Option<String>,
        command: Vec<String>,
        progress: &dyn Progress,
        work: impl FnOnce(Experiment<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let train_recipe = self.hyperparameters.train_recipe(&self.recipe)?;
        let backbone = self.backbone_weights()?;
        let seed = self.hyperparameters.seed;
        let dataset = workspace::dataset(&self.dataset, progress)?;
        let split = workspace::split(&dataset, &self.dataset, seed)?;
        if split.validation.is_empty() {
            let (dataset, split) = (dataset.name, "validation");
            return Err(Failure::EmptySplit { dataset, split });
        }
        let (client, config) = tracking::for_training(&self.tracking)?;
        progress.message(&format!(
            "{}: {} classes, {} images to train on, {} to validate on",
            dataset.name,
            dataset.classes.len(),
            split.train.len(),
            split.validation.len()
        ));
        let interrupt = Interrupt::default();
        let handler = interrupt.clone();
        ctrlc::set_handler(move || handler.set()).map_err(Failure::Signal)?;

        let (fine_tune, augment) = (
            self.hyperparameters.fine_tune,
            self.hyperparameters.augment(),
        );
        let source = Source {
            cache: &self.cache.cache_dir,
            backbone,
            preprocess: &self.recipe,
            train_recipe: &train_recipe,
            augment,
            classes: dataset.classes.len(),
            seed,
            interrupt: &interrupt,
            progress,
        };
        let materials = source.materials(fine_tune, &split)?;
        let digest = dataset.digest()?;
        let experiment = Experiment {
            name: &self.experiment,
            model_name: &self.model_name.model_name,
            client: &client,
            spool: &tracking::spool(&self.cache.cache_dir),
            cache: &self.cache.cache_dir,
            run_id: Cell::new(resume.or(config.run_id)),
            arguments: command,
            dataset: &dataset,
            dataset_digest: &digest,
            preprocess: &self.recipe,
            augment: augment_name(fine_tune, &augment, train_recipe.size()),
            materials,
            interrupt: &interrupt,
            progress,
        };
        work(experiment)
    }

    fn backbone_weights(&self) -> Result<Weights, Failure> {
        let cached = setup::backbone_file(&self.cache.cache_dir);
        let path = self.backbone.as_ref().unwrap_or(&cached);
        if !path.is_file() {
            return Err(Failure::NoBackbone { path: path.clone() });
        }
        Ok(Weights::open(path)?.without_head())
    }
}

/// What of the augmentation is used: frozen features know mirrored photographs at most.
fn augment_name(fine_tune: FineTune, augment: &Augment, size: u32) -> String {
    match fine_tune {
        FineTune::None => "none".into(),
        FineTune::All if *augment == Augment::none() => format!("size {size}"),
        _ if *augment == Augment::none() => "none".into(),
        FineTune::Last(_) => "mirror".into(),
        FineTune::All => format!(
            "crop {:?} to {size}, ratio {:?}, mirror {}, brightness {}, contrast {}, saturation {}",
            augment.scale,
            augment.ratio,
            augment.flip,
            augment.brightness,
            augment.contrast,
            augment.saturation
        ),
    }
}
