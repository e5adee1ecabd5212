//! `pet-cli train`

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use pet_data::{Dataset, Progress, Split};
use pet_image::{Limits, Preprocess, Resize};
use pet_train::mobilenet::Backbone;
use pet_train::{Extractor, FeatureCache, Features, HeadConfiguration, Interrupt, Weights};

use self::runs::{Experiment, Finished};
use crate::arguments::{
    CacheArgument, DatasetArguments, JsonArgument, ModelNameArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::{output, setup, workspace};

mod runs;

/// Train on a data set and register the models
///
/// The frozen backbone's features are computed once for each image and cached; then the classifier is trained on
/// them, once for each combination of learning rate and batch size. Each combination is one MLflow run and one
/// version of the registered model.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli train --dataset sample
  pet-cli train --data-dir ../oxford-iiit-pet --learning-rate 0.001 0.0005 --batch-size 32 64
  pet-cli train --dataset folder --data-dir my-photos --epochs 20 --patience 5

A folder data set has one folder of images for each class, or `train` and `test` with such folders.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    dataset: DatasetArguments,
    /// Passes over the training images
    #[arg(long, value_name = "COUNT", default_value_t = 5)]
    epochs: usize,
    /// Images in one step; several make several runs
    #[arg(long, value_name = "COUNT", num_args = 1.., default_values_t = [32])]
    batch_size: Vec<usize>,
    /// Adam's step size; several make several runs
    #[arg(long, value_name = "RATE", num_args = 1.., default_values_t = [0.001])]
    learning_rate: Vec<f64>,
    /// Seed of the split, the initial weights, the order of images and dropout
    #[arg(long, default_value_t = 42)]
    seed: u64,
    /// Share of features set to zero while training
    #[arg(long, value_name = "SHARE", default_value_t = 0.2)]
    dropout: f64,
    /// Decoupled weight decay
    #[arg(long, value_name = "DECAY", default_value_t = 0.0)]
    weight_decay: f64,
    /// Stop after this many epochs without a better validation accuracy [default: never]
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<usize>,
    /// How a photograph becomes the network's square input; served as it was trained
    #[arg(long, value_enum, default_value_t = Recipe::Stretch)]
    recipe: Recipe,
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
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Recipe {
    /// Stretched to 224×224 pixels
    Stretch,
    /// Shorter side to 256 pixels, then the middle 224×224
    CenterCrop,
}

impl Recipe {
    fn preprocess(self) -> Preprocess {
        let stretched = Preprocess::imagenet();
        match self {
            Self::Stretch => stretched,
            Self::CenterCrop => {
                let resize = Resize::CenterCrop {
                    resize: 256,
                    size: 224,
                };
                Preprocess {
                    resize,
                    ..stretched
                }
            }
        }
    }
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let configurations = configurations(arguments)?;
    let weights = backbone_weights(arguments)?;
    let dataset = workspace::dataset(&arguments.dataset, progress)?;
    let split = workspace::split(&dataset, &arguments.dataset, arguments.seed)?;
    if split.validation.is_empty() {
        let (dataset, split) = (dataset.name, "validation");
        return Err(Failure::EmptySplit { dataset, split });
    }
    let (client, _) = workspace::tracking(&arguments.tracking)?;
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

    let features = features(arguments, &weights, &split, &interrupt, progress)?;
    let digest = dataset.digest()?;
    let experiment = Experiment {
        name: &arguments.experiment,
        model_name: &arguments.model_name.model_name,
        client: &client,
        dataset: &dataset,
        dataset_digest: &digest,
        preprocess: &arguments.recipe.preprocess(),
        weights: &weights,
        train: &features.0,
        validation: &features.1,
        interrupt: &interrupt,
        progress,
    };
    let finished = experiment.run_all(&configurations)?;
    print(&dataset, &finished, arguments)
}

/// Every combination of learning rate and batch size, checked before any work.
fn configurations(arguments: &Arguments) -> Result<Vec<HeadConfiguration>, Failure> {
    let mut configurations = Vec::new();
    for &learning_rate in &arguments.learning_rate {
        for &batch_size in &arguments.batch_size {
            let configuration = HeadConfiguration {
                batch_size,
                learning_rate,
                epochs: arguments.epochs,
                seed: arguments.seed,
                dropout: arguments.dropout,
                weight_decay: arguments.weight_decay,
                patience: arguments.patience,
            };
            configuration.check()?;
            configurations.push(configuration);
        }
    }
    Ok(configurations)
}

fn backbone_weights(arguments: &Arguments) -> Result<Weights, Failure> {
    let cached = setup::backbone_file(&arguments.cache.cache_dir);
    let path = arguments.backbone.as_ref().unwrap_or(&cached);
    if !path.is_file() {
        return Err(Failure::NoBackbone { path: path.clone() });
    }
    Ok(Weights::open(path)?.without_head())
}

/// Features of the training and the validation images.
fn features(
    arguments: &Arguments,
    weights: &Weights,
    split: &Split,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<(Features, Features), Failure> {
    let preprocess = arguments.recipe.preprocess();
    let folder = arguments.cache.cache_dir.join("features");
    let mut cache = FeatureCache::open(&folder, &weights.digest()?, &preprocess)?;
    let backbone = Backbone::new(weights)?;
    let limits = Limits::default();
    let extractor = Extractor {
        backbone: &backbone,
        preprocess: &preprocess,
        limits,
        interrupt,
    };
    let (start, cached) = (Instant::now(), cache.len());
    let samples: Vec<_> = split
        .train
        .iter()
        .chain(&split.validation)
        .cloned()
        .collect();
    let all = extractor.extract(&samples, &mut cache, progress)?;
    let (seconds, computed) = (start.elapsed().as_secs_f64(), cache.len() - cached);
    progress.message(&format!(
        "features of {} images in {seconds:.1} s ({computed} computed, {:.1} ms per image)",
        samples.len(),
        1e3 * seconds / samples.len().max(1) as f64
    ));
    Ok(all.split_at(split.train.len())?)
}

fn print(dataset: &Dataset, finished: &[Finished], arguments: &Arguments) -> Result<(), Failure> {
    if arguments.json.json {
        return output::json(&finished);
    }
    output::line(format_args!(
        "{:28} {:>7} {:>10} {:>10}  run",
        "run", "version", "val_acc", "val_loss"
    ))?;
    for run in finished {
        output::line(format_args!(
            "{:28} {:>7} {:>10.4} {:>10.4}  {}",
            run.name, run.version, run.val_acc, run.val_loss, run.run_id
        ))?;
    }
    output::line(format_args!(
        "\n`{}` was trained on {}; next: pet-cli select, then pet-cli export",
        arguments.model_name.model_name, dataset.name
    ))
}
