//! `pet-cli train`

use std::cell::Cell;
use std::path::PathBuf;

use clap::{Args, Parser};
use pet_data::{Dataset, Progress};
use pet_train::{Configuration, FineTune, Interrupt, Weights};

use self::hyperparameters::HyperParameters;
use self::materials::Source;
use self::paused::{Folder, own_arguments};
use self::recipe::Recipe;
use self::runs::{Experiment, Finished};
use crate::arguments::{
    CacheArgument, Command, DatasetArguments, JsonArgument, ModelNameArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::{output, setup, tracking, workspace};

mod artifacts;
mod hyperparameters;
mod materials;
mod parameters;
mod paused;
mod recipe;
mod runs;

/// Train on a data set and register the models
///
/// The frozen backbone's features are computed once for each image and cached; then the classifier is trained on
/// them, and with --fine-tune some or all of the backbone as well. Each combination of what may be given several times
/// is one MLflow run and one version of the registered model. A run that was interrupted or killed goes on with
/// --resume and ends with the same weights.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli train --dataset sample
  pet-cli train --data-dir ../oxford-iiit-pet --learning-rate 0.001 0.0005 --batch-size 32 64
  pet-cli train --data-dir ../oxford-iiit-pet --recipe center-crop --fine-tune all
  pet-cli train --data-dir ../oxford-iiit-pet --fine-tune last:3 --epochs 20 --patience 5
  pet-cli train --dataset folder --data-dir my-photos --epochs 20 --patience 5
  pet-cli train --resume 0123456789abcdef0123456789abcdef

A folder data set has one folder of images for each class, or `train` and `test` with such folders.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    dataset: DatasetArguments,
    #[command(flatten)]
    hyperparameters: HyperParameters,
    /// How a photograph becomes the network's square input; served as it was trained
    #[arg(long, value_enum, default_value_t = Recipe::Stretch)]
    recipe: Recipe,
    /// Take up the run with this id where it was left; with the options that it was started with
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
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

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    match &arguments.resume {
        Some(run) => resume(run, arguments, progress),
        None => {
            let configurations = arguments.hyperparameters.configurations()?;
            train(arguments, own_arguments(), &configurations, progress)
        }
    }
}

/// Reads how the run was started, and does that again with what the training had come to.
fn resume(run: &str, arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let paused = Folder::new(&arguments.cache.cache_dir, run)?.read()?;
    let nothing = || Failure::NothingToResume { run: run.into() };
    let started = crate::arguments::Arguments::try_parse_from(&paused.arguments);
    let Ok(Command::Train(mut started)) = started.map(|started| started.command) else {
        return Err(nothing());
    };
    started.tracking = arguments.tracking.clone();
    started.cache = arguments.cache.clone();
    started.json = arguments.json.clone();
    started.resume = Some(run.into());
    train(
        &started,
        paused.arguments,
        &[paused.configuration],
        progress,
    )
}

/// Trains once for each configuration.
fn train(
    arguments: &Arguments,
    command: Vec<String>,
    configurations: &[Configuration],
    progress: &dyn Progress,
) -> Result<(), Failure> {
    let backbone = backbone_weights(arguments)?;
    let seed = arguments.hyperparameters.seed;
    let dataset = workspace::dataset(&arguments.dataset, progress)?;
    let split = workspace::split(&dataset, &arguments.dataset, seed)?;
    if split.validation.is_empty() {
        let (dataset, split) = (dataset.name, "validation");
        return Err(Failure::EmptySplit { dataset, split });
    }
    let (client, config) = tracking::for_training(&arguments.tracking)?;
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

    let preprocess = arguments.recipe.preprocess();
    let (fine_tune, augment) = (
        arguments.hyperparameters.fine_tune,
        arguments.hyperparameters.augment(),
    );
    let source = Source {
        cache: &arguments.cache.cache_dir,
        backbone,
        preprocess: &preprocess,
        augment,
        classes: dataset.classes.len(),
        seed,
        interrupt: &interrupt,
        progress,
    };
    let materials = source.materials(fine_tune, &split)?;
    let digest = dataset.digest()?;
    let experiment = Experiment {
        name: &arguments.experiment,
        model_name: &arguments.model_name.model_name,
        client: &client,
        spool: &tracking::spool(&arguments.cache.cache_dir),
        cache: &arguments.cache.cache_dir,
        run_id: Cell::new(arguments.resume.clone().or(config.run_id)),
        arguments: command,
        dataset: &dataset,
        dataset_digest: &digest,
        preprocess: &preprocess,
        augment: augment_name(fine_tune, &augment),
        materials,
        interrupt: &interrupt,
        progress,
    };
    let finished = experiment.run_all(configurations)?;
    print(&dataset, &finished, arguments)
}

/// What of the augmentation is used: frozen features know mirrored photographs at most.
fn augment_name(fine_tune: FineTune, augment: &pet_image::Augment) -> String {
    match fine_tune {
        _ if *augment == pet_image::Augment::none() => "none".into(),
        FineTune::None => "none".into(),
        FineTune::Last(_) => "mirror".into(),
        FineTune::All => format!(
            "crop {:?}, ratio {:?}, mirror {}, brightness {}, contrast {}, saturation {}",
            augment.scale,
            augment.ratio,
            augment.flip,
            augment.brightness,
            augment.contrast,
            augment.saturation
        ),
    }
}

fn backbone_weights(arguments: &Arguments) -> Result<Weights, Failure> {
    let cached = setup::backbone_file(&arguments.cache.cache_dir);
    let path = arguments.backbone.as_ref().unwrap_or(&cached);
    if !path.is_file() {
        return Err(Failure::NoBackbone { path: path.clone() });
    }
    Ok(Weights::open(path)?.without_head())
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
        let version = run
            .version
            .map_or("-".into(), |version| version.to_string());
        let id = run.run_id.as_deref().unwrap_or("-");
        output::line(format_args!(
            "{:28} {version:>7} {:>10.4} {:>10.4}  {id}",
            run.name, run.val_acc, run.val_loss
        ))?;
    }
    output::line(format_args!(
        "\n`{}` was trained on {}; next: pet-cli select, then pet-cli export",
        arguments.model_name.model_name, dataset.name
    ))
}
