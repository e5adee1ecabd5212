//! `cargo xtask pipeline`

mod plan;

use clap::Args;

use self::plan::{Options, Plan, Selection, Stage};
use crate::docker;
use crate::error::Error;
use crate::invocation::Invocation;
use crate::report::{Outcome, Report};
use crate::workspace::{self, Profile};

/// From photos to a tested model: setup, train, select, export, evaluate, promote, test, docker
///
/// Without arguments, it runs on a small generated sample and writes everything to `target/pipeline/sample/`. With
/// `--dataset oxford-iiit-pet`, it writes the model of the real photos to `results/`. Runs and models are recorded in
/// the store named by `MLFLOW_TRACKING_URI`, or else in a local MLflow database: `mlflow.db` in this folder for the
/// real photos, otherwise one in `target/pipeline/` (the sample's is recreated with each training).
///
/// The best model becomes the champion only if it passes `pet-cli promote`, compared with the current champion. If it
/// is rejected, the pipeline ends, and the results are the champion's again.
#[derive(Debug, Default, Args)]
#[command(after_help = "\
Examples:
  cargo xtask pipeline                            the generated sample
  cargo xtask pipeline --dataset oxford-iiit-pet  the real photos, downloaded if missing
  cargo xtask pipeline --dataset oxford-iiit-pet --data-dir ../oxford-iiit-pet --skip docker
  cargo xtask pipeline --dataset folder --data-dir my-photos
  cargo xtask pipeline --from export              continue from what was trained and selected
  cargo xtask pipeline --dry-run                  only show the commands")]
pub(crate) struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Only show the commands, without running them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    selection: Selection,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Error> {
    arguments.selection.check()?;
    let plan = Plan::new(&arguments.options)?;
    eprintln!("{}", plan.notes());
    if arguments.dry_run {
        show(&plan, &arguments.selection);
        return Ok(());
    }
    let outcome = run_stages(&plan, &arguments.selection);
    println!("\n{}", plan.notes());
    outcome
}

/// Prints the commands of all stages.
fn show(plan: &Plan, selection: &Selection) {
    println!("# build");
    for command in plan.build(selection) {
        println!("{command}");
    }
    for stage in Stage::all() {
        println!("# {stage}");
        let obstacle = || (stage == Stage::Docker).then(docker::obstacle).flatten();
        match selection.reason_to_skip(stage).or_else(|| obstacle().map(str::to_owned)) {
            Some(reason) => println!("# skipped: {reason}"),
            None => println!("{}", plan.stage(stage).0),
        }
    }
}

fn run_stages(plan: &Plan, selection: &Selection) -> Result<(), Error> {
    let mut report = Report::new("stage");
    let build = plan.build(selection);
    let program = workspace::program(Profile::Development);
    if !build.is_empty() {
        if !program.is_file() {
            eprintln!("note: compiles everything first, which takes a few minutes");
        }
        report.step("build", || {
            build.into_iter().try_for_each(Invocation::run)?;
            let folder = program.parent().unwrap_or(&program);
            Ok(Outcome::done(workspace::shown(folder)))
        });
    }
    for stage in Stage::all() {
        match selection.reason_to_skip(stage) {
            Some(reason) => report.skip(&stage.to_string(), &reason),
            None => report.step(&stage.to_string(), || run_stage(plan, stage)),
        }
    }
    report.finish()
}

fn run_stage(plan: &Plan, stage: Stage) -> Result<Outcome, Error> {
    match stage {
        Stage::Docker => {
            return docker::with_engine(|| docker::make(plan.results()).map(Outcome::done));
        }
        Stage::Train => plan.remove_earlier_runs()?,
        _ => {}
    }
    let (command, output) = plan.stage(stage);
    let outcome = command.run();
    if stage == Stage::Promote && matches!(outcome, Err(Error::Exit { .. })) {
        // Fails without a champion, but only the rejection matters.
        eprintln!(
            "note: not promoted; exporting the champion, if there is one, to the results again"
        );
        let _ = plan.restore().run();
    }
    outcome.map(|()| Outcome::done(output))
}
