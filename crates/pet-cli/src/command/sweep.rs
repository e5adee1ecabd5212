//! `pet-cli sweep`

use clap::{Args, ValueEnum};
use pet_data::{Progress, Unit, task};
use pet_pipeline::sweep::{Rungs, Search, Space, Trial};
use pet_train::Configuration;

use self::parent::{PARENT_TAG, Parent};
use self::progress::Whole;
use self::report::{Report, Score, Tried};
use super::train::{Experiment, Finished, HyperParameters, Job, Setting};
use crate::failure::Failure;

mod parent;
mod progress;
mod report;

/// Try combinations of hyper-parameters and rank them
///
/// Each trial is one MLflow run below a run for the whole sweep, which keeps the space, the method, the ranking as
/// `sweep.json` and the best trial's id. A model that is better than all before it is registered as a version, so that
/// `pet-cli select` finds the best one. A trial that diverges is ranked last; Ctrl-C keeps the trials that are done.
///
/// With `--method halving` all trials are trained for a few epochs, and in each round the best go on for longer
/// (Jamieson & Talwalkar 2016). They begin anew with the same seed, because the course of the step size is made for the
/// number of epochs: every round compares trainings that are complete.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli sweep --dataset sample --learning-rate 0.01 0.001 --weight-decay 0 0.0001
  pet-cli sweep --data-dir ../oxford-iiit-pet --method random --trials 8 --learning-rate 0.003 0.001 0.0003 \\
      --dropout 0 0.2 0.4 --label-smoothing 0 0.1
  pet-cli sweep --data-dir ../oxford-iiit-pet --fine-tune last:3 --method halving --trials 8 --factor 2 \\
      --epochs 8 --body-learning-rate 0.0003 0.0001 0.00003 --learning-rate 0.003 0.001 --average 0 0.998
  pet-cli runs list --filter \"tags.\\`mlflow.parentRunId\\` = '0123456789abcdef0123456789abcdef'\"")]
pub(crate) struct Arguments {
    /// Which combinations are tried, and for how long
    #[arg(long, value_enum, default_value_t = Method::Grid)]
    method: Method,
    /// Combinations to draw from the space, with the seed; not for the grid [default: all, for halving]
    #[arg(long, value_name = "COUNT", required_if_eq("method", "random"))]
    trials: Option<usize>,
    /// Halving: one of this many trials goes on, with this many times the epochs
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    factor: usize,
    /// Halving: epochs of the first round, at least
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    min_epochs: usize,
    #[command(flatten)]
    setting: Setting,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Every combination
    Grid,
    /// Some combinations, drawn at random
    Random,
    /// Many for a short time, the best of them for longer
    Halving,
}

impl Method {
    fn name(self) -> &'static str {
        match self {
            Self::Grid => "grid",
            Self::Random => "random",
            Self::Halving => "halving",
        }
    }
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let hyperparameters = &arguments.setting.hyperparameters;
    // All are checked before any work.
    hyperparameters.configurations()?;
    let space = hyperparameters.space()?;
    let search = search(arguments, &space)?;
    // A trial is not taken up again by itself, so it needs to know no command.
    let (resume, command) = (None, Vec::new());
    let report = arguments
        .setting
        .with_experiment(resume, command, progress, |experiment| {
            let sweep = Sweep {
                hyperparameters,
                method: arguments.method,
                space: &space,
                progress,
            };
            sweep.run(search, experiment)
        })?;
    report.print(arguments.setting.json.json)
}

/// What is tried, by the method that was asked for.
fn search(arguments: &Arguments, space: &Space) -> Result<Search<Score>, Failure> {
    let hyperparameters = &arguments.setting.hyperparameters;
    let (epochs, seed) = (hyperparameters.base().epochs, hyperparameters.seed);
    let trials = arguments.trials.unwrap_or(space.len());
    Ok(match arguments.method {
        Method::Grid if arguments.trials.is_some() => return Err(Failure::GridTrials),
        Method::Grid => Search::new(space.grid(), Rungs::single(trials, epochs)?),
        Method::Random => Search::new(space.sample(trials, seed)?, Rungs::single(trials, epochs)?),
        Method::Halving => {
            let rungs = Rungs::halving(trials, arguments.factor, arguments.min_epochs, epochs)?;
            Search::new(space.sample(trials, seed)?, rungs)
        }
    })
}

struct Sweep<'a> {
    hyperparameters: &'a HyperParameters,
    method: Method,
    space: &'a Space,
    progress: &'a dyn Progress,
}

impl Sweep<'_> {
    /// Tries everything below a run of its own. An interruption ends that run as `KILLED`, with the ranking so far.
    fn run(
        &self,
        mut search: Search<Score>,
        experiment: Experiment<'_>,
    ) -> Result<Report, Failure> {
        let all = search.rungs().trials();
        let images = experiment.epoch_images() as u64;
        let total = images * search.rungs().epochs() as u64;
        let whole = Whole::new(self.progress);
        let mut parent =
            Parent::start(&experiment, self.method.name(), self.space, search.rungs())?;
        let experiment = experiment.with_progress(&whole);
        let mut tried = Vec::new();
        let ended: Result<(), Failure> = task(self.progress, "sweep", total, Unit::Images, || {
            while let Some(trial) = search.next_trial() {
                whole.begin(images * trial.epochs as u64);
                let finished = self.try_one(&trial, &tried, &experiment, parent.id())?;
                whole.end();
                let one = Tried::new(trial, finished);
                self.progress.message(&one.line(tried.len() + 1, all));
                search.report(one.score());
                tried.push(one);
            }
            Ok(())
        });
        let report = Report::new(self.method.name(), parent.id(), self.space, &search, tried);
        parent.log(&report)?;
        match ended {
            Err(Failure::Interrupted { .. }) => {
                parent.kill()?;
                let (done, run) = (report.len(), None);
                Err(Failure::Interrupted { done, all, run })
            }
            ended => {
                ended?;
                parent.finish()?;
                Ok(report)
            }
        }
    }

    /// Trains once; none if the training diverged.
    fn try_one(
        &self,
        trial: &Trial,
        tried: &[Tried],
        experiment: &Experiment<'_>,
        parent: Option<&str>,
    ) -> Result<Option<Finished>, Failure> {
        let configuration = Configuration {
            epochs: trial.epochs,
            ..self.hyperparameters.configuration(&trial.point)?
        };
        let name = report::name(trial, self.space);
        let mut tags = vec![
            ("sweep.trial", (trial.number + 1).to_string()),
            ("sweep.round", (trial.rung + 1).to_string()),
        ];
        tags.extend(parent.map(|id| (PARENT_TAG, id.to_owned())));
        let job = Job {
            name,
            configuration: &configuration,
            tags,
            better_than: report::best(tried),
        };
        match experiment.run(&job) {
            Ok(finished) => Ok(Some(finished)),
            Err(Failure::Train(error @ pet_train::Error::Diverged { .. })) => {
                self.progress
                    .message(&format!("trial {}: {error}", trial.number + 1));
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }
}
