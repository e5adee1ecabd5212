//! `pet-cli train`

mod arguments;
mod learning_rate;

use std::path::PathBuf;

use clap::Args;
use pet_pipeline::{
    CrossValidation, DataSource, Experiment, InterruptedRun, RunOutcome, RunRequest, TrainSettings,
};

pub(super) use self::arguments::TrainArguments;
use crate::failure::Failure;
use crate::hint::quoted;
use crate::output::Bars;
use crate::{output, table};

/// Options that a run keeps when it is resumed or refitted.
const KEPT: [&str; 28] = [
    "dataset",
    "data_dir",
    "validation_fraction",
    "group_duplicates",
    "group_series",
    "recipe",
    "backbone",
    "fine_tune",
    "batch_size",
    "learning_rate",
    "body_learning_rate",
    "schedule",
    "warm_up",
    "seed",
    "dropout",
    "weight_decay",
    "label_smoothing",
    "mixup",
    "average",
    "patience",
    "teacher",
    "teacher_weight",
    "teacher_temperature",
    "no_augment",
    "rand_augment",
    "erase",
    "train_size",
    "folds",
];

/// Train on a data set and register the models
///
/// The features of the frozen backbone are computed once per image and cached. The classifier is then trained on them,
/// and with --fine-tune, so is some or all of the backbone. If options have several values, every combination is one
/// MLflow run and one version of the registered model. A run that was interrupted or killed can be resumed with
/// --resume and ends with the same weights. A run that diverges is marked FAILED; the others are still trained.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli train --dataset sample
  pet-cli train --data-dir ../oxford-iiit-pet --learning-rate 0.001 0.0005 --batch-size 32 64
  pet-cli train --data-dir ../oxford-iiit-pet --recipe center-crop --fine-tune all
  pet-cli train --data-dir ../oxford-iiit-pet --fine-tune last:3 --epochs 20 --patience 5
  pet-cli train --dataset folder --data-dir my-photos --epochs 20 --patience 5
  pet-cli train --dataset folder --data-dir my-photos --data-dir corrections
  pet-cli train --data-dir ../oxford-iiit-pet --fine-tune all --epochs 20 --mixup 0.2 --teacher results
  pet-cli train --dataset folder --data-dir my-photos --find-learning-rate
  pet-cli train --resume 0123456789abcdef0123456789abcdef
  pet-cli train --refit 0123456789abcdef0123456789abcdef
  pet-cli train --data-dir ../oxford-iiit-pet --folds 5 --learning-rate 0.001 0.0005

A folder data set has one folder of images per class, or `train`, `val` and `test` folders
that contain such class folders.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    train: TrainArguments,
    /// Resume the interrupted run with this ID (or its first characters), using the options it was started with
    ///
    /// With a constant learning rate, --epochs may raise the number of epochs. `pet-cli runs list` shows which runs can be
    /// resumed.
    #[arg(long, value_name = "RUN", conflicts_with_all = KEPT, conflicts_with = "model_name")]
    resume: Option<String>,
    /// Train on the validation images too, with the options of the finished run with this ID (or its first characters),
    /// for that run's best number of epochs, or for --epochs
    ///
    /// No validation images remain, so the new version gets that run's validation accuracy and temperature, and
    /// `pet-cli select` prefers it to that run's version. --model-name registers it as a different model.
    #[arg(long, value_name = "RUN", conflicts_with_all = KEPT, conflicts_with = "resume")]
    refit: Option<String>,
    /// Cross-validate: divide the training images into this many parts and train once for each, validating on it
    ///
    /// Every image counts once, so the accuracy is more reliable than that of a single split, and has a standard error.
    /// The run keeps no model: `--refit` trains its recipe on all images, for the best number of epochs. It cannot be
    /// resumed.
    #[arg(long, value_name = "COUNT", value_parser = parse_folds, conflicts_with_all = ["resume", "refit", "validation_fraction"])]
    folds: Option<usize>,
    /// Find a learning rate instead of training: increase it from 1e-7 to 10 in at most 100 steps until the loss
    /// diverges (Smith 2017), and suggest the middle of the loss's longest descent, like fastai. Writes
    /// `learning_rate.png` and `learning_rate.json` to DIR [default: the current folder], prints the command to
    /// continue with, and records nothing in MLflow
    ///
    /// The backbone's rate rises with the head's, keeping the default ratio.
    #[arg(
        long,
        value_name = "DIR",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = ".",
        conflicts_with_all = ["resume", "refit", "folds", "learning_rate", "body_learning_rate"]
    )]
    find_learning_rate: Option<PathBuf>,
}

fn parse_folds(text: &str) -> Result<usize, String> {
    let count = text.parse().ok().filter(|count| *count >= 2);
    count.ok_or_else(|| "expected an integer of at least 2".into())
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let args = &arguments.train;
    if let Some(folder) = &arguments.find_learning_rate {
        return learning_rate::find(args, folder, bars);
    }
    if let Some(id) = &arguments.resume {
        let interrupted = interrupted(args, id)?;
        let mut request = RunRequest::new(interrupted.settings.configuration.clone());
        request.run_id = Some(interrupted.run_id);
        return train(arguments, &interrupted.settings, vec![request], bars);
    }
    if let Some(id) = &arguments.refit {
        let settings = refit(args, id)?;
        let request = RunRequest::new(settings.configuration.clone());
        return train(arguments, &settings, vec![request], bars);
    }
    let configurations = args.hyperparameters.configurations()?.into_iter();
    let requests = configurations.map(RunRequest::new).collect();
    train(arguments, &args.settings()?, requests, bars)
}

/// The run to resume, with the options that may change.
fn interrupted(args: &TrainArguments, id: &str) -> Result<InterruptedRun, Failure> {
    let mut run = InterruptedRun::find(&args.cache.folder(), id)?;
    if let Some(epochs) = args.hyperparameters.epochs {
        run.set_epochs(epochs)?;
    }
    if let Some(name) = &args.experiment {
        run.check_experiment(name)?;
    }
    Ok(run)
}

/// The settings for a refit of a finished run.
fn refit(args: &TrainArguments, id: &str) -> Result<TrainSettings, Failure> {
    let client = args.tracking.required()?;
    let run = client.find_run(id)?;
    let mut settings = TrainSettings::refit(&client, &run.id)?;
    if let Some(epochs) = args.hyperparameters.epochs {
        settings.configuration.epochs = epochs;
    }
    if let Some(name) = &args.model_name.model_name {
        settings.model_name.clone_from(name);
    }
    if let Some(name) = &args.experiment {
        settings.experiment.clone_from(name);
    }
    Ok(settings)
}

fn train(
    arguments: &Arguments,
    settings: &TrainSettings,
    mut requests: Vec<RunRequest>,
    bars: &Bars,
) -> Result<(), Failure> {
    let args = &arguments.train;
    let dataset = settings.load(bars)?;
    let context = args.context("pet-cli train", bars)?;
    if let Some(first) = requests.first_mut() {
        let run_id = first.run_id.take();
        first.run_id = run_id.or_else(|| context.tracking.run_id.clone());
    }
    let name = dataset.name.clone();
    let outcomes = match arguments.folds {
        Some(folds) => {
            CrossValidation::prepare(settings, dataset, &context, folds)?.run_all(&requests)?
        }
        None => Experiment::prepare(settings, dataset, &context)?.run_all(&requests)?,
    };
    if args.json.json {
        output::json(&outcomes)?;
    } else if arguments.folds.is_some() {
        print_folds(&outcomes)?;
    } else {
        print(&name, &outcomes, settings, args)?;
    }
    let failed = outcomes.iter().filter(|one| one.finished().is_none());
    match failed.count() {
        0 => Ok(()),
        failed => Err(Failure::FailedRuns { failed, all: outcomes.len() }),
    }
}

fn print(
    dataset: &str,
    outcomes: &[RunOutcome],
    settings: &TrainSettings,
    args: &TrainArguments,
) -> Result<(), Failure> {
    let row = |outcome: &RunOutcome| match outcome {
        RunOutcome::Finished(run) => vec![
            run.name.clone(),
            table::optional(run.version),
            table::number(Some(run.val_acc)),
            table::number(Some(run.val_loss)),
            table::run_id(run.run_id.as_deref()),
        ],
        RunOutcome::Failed(run) => {
            let id = table::run_id(run.run_id.as_deref());
            [&run.name, "-", "FAILED", "-", &id].map(str::to_owned).to_vec()
        }
    };
    let heads = ["name", ">version", ">val_acc", ">val_loss", "run"];
    table::print(&heads, outcomes.iter().map(row))?;
    if outcomes.iter().all(|one| one.finished().is_none()) {
        return Ok(());
    }
    output::line(format_args!(
        "\n`{}` was trained on {dataset}; next:\n{}",
        settings.model_name,
        next_steps(settings, args)
    ))
}

/// Prints accuracies with their standard errors, and the epochs that a refit would use.
fn print_folds(outcomes: &[RunOutcome]) -> Result<(), Failure> {
    let row = |outcome: &RunOutcome| match outcome {
        RunOutcome::Finished(run) => vec![
            run.name.clone(),
            table::number(Some(run.val_acc)),
            table::number(run.standard_error),
            table::number(Some(run.val_loss)),
            (run.best_epoch + 1).to_string(),
            table::run_id(run.run_id.as_deref()),
        ],
        RunOutcome::Failed(run) => {
            let id = table::run_id(run.run_id.as_deref());
            [&run.name, "FAILED", "-", "-", "-", &id].map(str::to_owned).to_vec()
        }
    };
    let heads = ["name", ">val_acc", ">std_error", ">val_loss", ">epochs", "run"];
    table::print(&heads, outcomes.iter().map(row))?;
    let finished = outcomes.iter().filter_map(RunOutcome::finished);
    let best = finished.reduce(|best, run| if run.score() > best.score() { run } else { best });
    let Some(id) = best.and_then(|best| best.run_id.as_deref()) else {
        return Ok(());
    };
    output::line(format_args!(
        "\nThe accuracy covers all images, each validated once; next:\n  pet-cli train --refit {id}"
    ))
}

/// The commands to run after a training. Models other than the shipped one get their own results folder.
pub(super) fn next_steps(settings: &TrainSettings, args: &TrainArguments) -> String {
    let model = &settings.model_name;
    let shipped = DataSource::OxfordIiitPet(PathBuf::new()).model_name();
    let results = if *model == shipped && settings.data.model_name() == shipped {
        String::new()
    } else {
        format!(" --results models/{}", quoted(model))
    };
    let store = args.tracking.tracking_uri.as_ref();
    let store = store.map(|uri| format!(" --tracking-uri {}", quoted(uri)));
    let model = format!("--model-name {}{}", quoted(model), store.unwrap_or_default());
    // A refit was trained on the validation images too.
    let test = settings.refit.as_ref().map_or("", |_| " --split test");
    let data = data_arguments(&settings.data);
    format!(
        "  pet-cli select {model}\n  pet-cli promote {model}{data}{test}{results}\n  pet-cli export {model}{data}{results}"
    )
}

/// The arguments for a data set.
fn data_arguments(data: &DataSource) -> String {
    let (kind, folder) = match data {
        DataSource::Folder(folder) => ("folder", Some(folder)),
        DataSource::Sample(folder) => ("sample", Some(folder)),
        DataSource::OxfordIiitPet(folder) => ("oxford-iiit-pet", Some(folder)),
        _ => ("oxford-iiit-pet", None),
    };
    let folder =
        folder.map(|folder| format!(" --data-dir {}", quoted(&folder.display().to_string())));
    format!(" --dataset {kind}{}", folder.unwrap_or_default())
}
