//! `pet-cli train`

use clap::{Args, Parser};
use pet_data::{Dataset, Progress};
use pet_train::Configuration;

use self::paused::{Folder, own_arguments};
use crate::arguments::Command;
use crate::failure::Failure;
use crate::output;

pub(crate) use self::hyperparameters::HyperParameters;
pub(crate) use self::job::Job;
pub(crate) use self::runs::{Experiment, Finished};
pub(crate) use self::setting::Setting;

mod artifacts;
mod hyperparameters;
mod job;
mod materials;
mod parameters;
mod paused;
mod recipe;
mod runs;
mod setting;
mod watcher;

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
    setting: Setting,
    /// Take up the run with this id where it was left; with the options that it was started with
    #[arg(long, value_name = "RUN")]
    resume: Option<String>,
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    if let Some(run) = &arguments.resume {
        return resume(run, arguments, progress);
    }
    let setting = &arguments.setting;
    let configurations = setting.hyperparameters.configurations()?;
    train(setting, None, own_arguments(), &configurations, progress)
}

/// Reads how the run was started, and does that again with what the training had come to.
fn resume(run: &str, arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let paused = Folder::new(&arguments.setting.cache.cache_dir, run)?.read()?;
    let nothing = || Failure::NothingToResume { run: run.into() };
    let started = crate::arguments::Arguments::try_parse_from(&paused.arguments);
    let Ok(Command::Train(started)) = started.map(|started| started.command) else {
        return Err(nothing());
    };
    let mut setting = started.setting;
    setting.tracking = arguments.setting.tracking.clone();
    setting.cache = arguments.setting.cache.clone();
    setting.json = arguments.setting.json;
    train(
        &setting,
        Some(run.into()),
        paused.arguments,
        &[paused.configuration],
        progress,
    )
}

/// Trains once for each configuration.
fn train(
    setting: &Setting,
    resume: Option<String>,
    command: Vec<String>,
    configurations: &[Configuration],
    progress: &dyn Progress,
) -> Result<(), Failure> {
    setting.with_experiment(resume, command, progress, |experiment| {
        let finished = experiment.run_all(configurations)?;
        print(experiment.dataset, &finished, setting)
    })
}

fn print(dataset: &Dataset, finished: &[Finished], setting: &Setting) -> Result<(), Failure> {
    if setting.json.json {
        return output::json(&finished);
    }
    output::line(format_args!(
        "{:28} {:>7} {:>10} {:>10}  run",
        "name", "version", "val_acc", "val_loss"
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
        setting.model_name.model_name, dataset.name
    ))
}
