//! What was tried, ranked.

use pet_pipeline::sweep::{Search, Space, Trial};
use serde::Serialize;
use serde_json::{Map, Value};

use super::super::train::Finished;
use crate::failure::Failure;
use crate::output;

/// How good a trial was: validation accuracy, then the loss, the smaller the better.
pub(super) type Score = (f64, f64);

/// A trial that came to its end; without a run if the training diverged.
pub(super) struct Tried {
    trial: Trial,
    finished: Option<Finished>,
}

impl Tried {
    pub(super) fn new(trial: Trial, finished: Option<Finished>) -> Self {
        Self { trial, finished }
    }

    pub(super) fn score(&self) -> Option<Score> {
        self.finished.as_ref().map(Finished::score)
    }

    /// For people who are watching.
    pub(super) fn line(&self, number: usize, all: usize) -> String {
        let result = self.finished.as_ref().map_or("diverged".into(), |run| {
            format!(
                "val_acc {:.4} in {:.1} s, {}",
                run.val_acc, run.seconds, run.name
            )
        });
        format!("{number} of {all}: {result}")
    }
}

/// The best score so far, whatever the round.
pub(super) fn best(tried: &[Tried]) -> Option<Score> {
    let scores = tried.iter().filter_map(Tried::score);
    scores.reduce(|best, score| if score > best { score } else { best })
}

/// The run's name: the trial, and the values that tell it from the others.
pub(super) fn name(trial: &Trial, space: &Space) -> String {
    let values = searched(space).filter_map(|name| {
        let value = trial.point.value(name)?;
        Some(format!(", {name} {value}"))
    });
    let (number, epochs) = (trial.number + 1, trial.epochs);
    let values = values.collect::<Vec<_>>().concat();
    format!("trial {number}, {epochs} epochs{values}")
}

/// Names of the axes that have a choice.
fn searched(space: &Space) -> impl Iterator<Item = &str> {
    let axes = space.axes().iter().filter(|axis| axis.values.len() > 1);
    axes.map(|axis| axis.name.as_str())
}

/// Values as a list.
pub(super) fn values(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(f64::to_string).collect();
    values.join(", ")
}

/// One trial in the ranking.
#[derive(Serialize)]
struct Row {
    rank: usize,
    /// From 1; the same in all rounds.
    trial: usize,
    /// From 1.
    round: usize,
    epochs: usize,
    values: Map<String, Value>,
    #[serde(flatten)]
    finished: Option<Finished>,
}

/// The ranking: later rounds first, then by accuracy and loss.
#[derive(Serialize)]
pub(super) struct Report {
    method: &'static str,
    /// The run of the whole sweep; none while the tracking store is away.
    run_id: Option<String>,
    space: Map<String, Value>,
    best_run_id: Option<String>,
    trials: Vec<Row>,
}

impl Report {
    pub(super) fn new(
        method: &'static str,
        run_id: Option<&str>,
        space: &Space,
        search: &Search<Score>,
        tried: Vec<Tried>,
    ) -> Self {
        let key = |trial: &Trial| (trial.number, trial.rung);
        let rank = |one: &Tried| {
            let mut ranking = search.ranking().into_iter();
            ranking.position(|outcome| key(&outcome.trial) == key(&one.trial))
        };
        let mut rows: Vec<Row> = tried
            .into_iter()
            .map(|one| Row {
                rank: rank(&one).map_or(0, |rank| rank + 1),
                trial: one.trial.number + 1,
                round: one.trial.rung + 1,
                epochs: one.trial.epochs,
                values: one
                    .trial
                    .point
                    .values()
                    .map(|(name, value)| (name.to_owned(), value.into()))
                    .collect(),
                finished: one.finished,
            })
            .collect();
        rows.sort_by_key(|row| row.rank);
        let axes = space.axes().iter();
        let mut report = Self {
            method,
            run_id: run_id.map(Into::into),
            space: axes
                .map(|axis| (axis.name.clone(), axis.values.clone().into()))
                .collect(),
            best_run_id: None,
            trials: rows,
        };
        report.best_run_id = report.best().and_then(|best| best.run_id.clone());
        report
    }

    /// Trials that came to their end.
    pub(super) fn len(&self) -> usize {
        self.trials.len()
    }

    /// The best trial of the last round.
    pub(super) fn best(&self) -> Option<&Finished> {
        self.trials.first()?.finished.as_ref()
    }

    pub(super) fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return output::json(self);
        }
        let choice = |name: &&String| {
            let values = self.space.get(*name).and_then(Value::as_array);
            values.is_some_and(|values| values.len() > 1)
        };
        let searched: Vec<&String> = self.space.keys().filter(choice).collect();
        let head: Vec<String> = searched.iter().map(|name| format!("  {name}")).collect();
        let head = head.concat();
        output::line(format_args!(
            "{:>4} {:>6} {:>7} {:>9} {:>7}  {:32}{head}",
            "rank", "epochs", "val_acc", "val_loss", "version", "run"
        ))?;
        self.trials
            .iter()
            .try_for_each(|row| row.print(&searched))?;
        let id = self.run_id.as_deref().unwrap_or("-");
        output::line(format_args!(
            "\nrun of the whole sweep: {id}\nnext: pet-cli select, then pet-cli export"
        ))
    }
}

impl Row {
    fn print(&self, searched: &[&String]) -> Result<(), Failure> {
        let cell = |name: &&String| {
            let value = self.values.get(*name).map(Value::to_string);
            format!("  {:>1$}", value.unwrap_or_default(), name.len())
        };
        let values = searched.iter().map(cell).collect::<Vec<_>>().concat();
        let (rank, epochs) = (self.rank, self.epochs);
        let Some(run) = &self.finished else {
            return output::line(format_args!(
                "{rank:>4} {epochs:>6} {:>7} {:>9} {:>7}  {:32}{values}",
                "-", "-", "-", "diverged"
            ));
        };
        let version = run
            .version
            .map_or("-".into(), |version| version.to_string());
        let id = run.run_id.as_deref().unwrap_or("-");
        output::line(format_args!(
            "{rank:>4} {epochs:>6} {:>7.4} {:>9.4} {version:>7}  {id:32}{values}",
            run.val_acc, run.val_loss
        ))
    }
}
