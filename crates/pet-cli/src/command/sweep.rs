//! `pet-cli sweep`

use clap::{Args, ValueEnum};
use pet_pipeline::Experiment;
use pet_pipeline::sweep::{Row, Space, Sweep, SweepReport};
use pet_train::Configuration;

use super::train::{TrainArguments, next_steps};
use crate::failure::Failure;
use crate::output::Bars;
use crate::{output, table};

/// Try combinations of hyperparameters and rank them
///
/// Each trial is one MLflow run, nested below a run for the whole sweep, which records the search space, the method,
/// the ranking as `sweep.json` and the ID of the best trial. A model that is better than all previous ones is
/// registered as a version, so `pet-cli select` finds the best one. A trial that diverges is ranked last. Ctrl-C keeps
/// the finished trials.
///
/// With `--method halving`, all trials are trained for a few epochs, and in each round the best continue for longer
/// (Jamieson & Talwalkar 2016). Every round trains from scratch with the same seed, because the learning rate schedule
/// depends on the number of epochs, so each round compares complete trainings.
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
    /// Which combinations to try, and for how long
    #[arg(long, value_enum, default_value_t = Method::Grid)]
    method: Method,
    /// How many combinations to draw at random, using the seed; not for the grid [default for halving: all]
    #[arg(long, value_name = "COUNT", required_if_eq("method", "random"))]
    trials: Option<usize>,
    /// Halving: one in this many trials continues, with this many times the epochs
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    factor: usize,
    /// Halving: minimum epochs of the first round
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    min_epochs: usize,
    #[command(flatten)]
    train: TrainArguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Method {
    /// Every combination
    Grid,
    /// Random combinations
    Random,
    /// Many for a short time, the best for longer
    Halving,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let args = &arguments.train;
    let settings = args.settings()?;
    let (space, base) = (args.hyperparameters.space()?, settings.configuration.clone());
    let sweep = sweep(arguments, space, base)?;
    let dataset = settings.load(bars)?;
    let context = args.context("pet-cli sweep", bars)?;
    let experiment = Experiment::prepare(&settings, dataset, &context)?;
    let report = sweep.run(&experiment, context.tracking.run_id.clone())?;
    if args.json.json {
        output::json(&report)
    } else {
        print(&report, &next_steps(&settings, args))
    }
}

fn sweep(arguments: &Arguments, space: Space, base: Configuration) -> Result<Sweep, Failure> {
    let trials = arguments.trials.unwrap_or(space.len());
    Ok(match arguments.method {
        Method::Grid if arguments.trials.is_some() => return Err(Failure::GridTrials),
        Method::Grid => Sweep::grid(space, base)?,
        Method::Random => Sweep::random(space, base, trials)?,
        Method::Halving => {
            let (factor, min_epochs) = (arguments.factor, arguments.min_epochs);
            Sweep::halving(space, base, trials, factor, min_epochs)?
        }
    })
}

fn print(report: &SweepReport, next_steps: &str) -> Result<(), Failure> {
    let searched: Vec<&str> = report.searched().collect();
    let row = |row: &Row| {
        let run = row.finished.as_ref();
        let mut cells = vec![
            row.rank.to_string(),
            row.epochs.to_string(),
            table::number(run.map(|run| run.val_acc)),
            table::number(run.map(|run| run.val_loss)),
            table::optional(run.and_then(|run| run.version)),
            run.map_or("diverged".into(), |run| table::run_id(run.run_id.as_deref())),
        ];
        let values = searched.iter().map(|name| row.values.get(*name));
        cells.extend(values.map(table::optional));
        cells
    };
    let names: Vec<String> = searched.iter().map(|name| format!(">{name}")).collect();
    let mut heads = vec![">rank", ">epochs", ">val_acc", ">val_loss", ">version", "run"];
    heads.extend(names.iter().map(String::as_str));
    table::print(&heads, report.trials.iter().map(row))?;
    output::line(format_args!(
        "\nrun of the whole sweep: {}\nnext:\n{next_steps}",
        table::optional(report.run_id.as_ref())
    ))
}
