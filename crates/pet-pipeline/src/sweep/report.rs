//! What was tried, ranked.

use serde::Serialize;
use serde_json::{Map, Value};

use super::search::{Search, Trial};
use super::space::Space;
use crate::train::FinishedRun;

/// How good a trial was: see [`FinishedRun::score`].
pub(super) type Score = (f64, f64);

/// A trial that came to its end; without a run if the training diverged.
pub(super) struct Tried {
    pub(super) trial: Trial,
    pub(super) finished: Option<FinishedRun>,
}

impl Tried {
    pub(super) fn score(&self) -> Option<Score> {
        self.finished.as_ref().map(FinishedRun::score)
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

/// One trial in the ranking.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// From 1.
    pub rank: usize,
    /// Number of the point, from 1; the same in all rounds.
    pub trial: usize,
    /// From 1.
    pub round: usize,
    /// How long it was trained.
    pub epochs: usize,
    /// What it was trained with.
    pub values: Map<String, Value>,
    /// None if the training diverged.
    #[serde(flatten)]
    pub finished: Option<FinishedRun>,
}

/// The ranking: later rounds first, then by accuracy and loss.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SweepReport {
    /// `grid`, `random` or `halving`.
    pub method: &'static str,
    /// The run of the whole sweep; none while the tracking store is away.
    pub run_id: Option<String>,
    /// The values of each axis.
    pub space: Map<String, Value>,
    /// The run of the best trial.
    pub best_run_id: Option<String>,
    /// The best first.
    pub trials: Vec<Row>,
}

impl SweepReport {
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
        let row = |one: Tried| Row {
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
        };
        let mut trials: Vec<Row> = tried.into_iter().map(row).collect();
        trials.sort_by_key(|row| row.rank);
        let axes = space.axes().iter();
        let mut report = Self {
            method,
            run_id: run_id.map(Into::into),
            space: axes
                .map(|axis| (axis.name.clone(), axis.values.clone().into()))
                .collect(),
            best_run_id: None,
            trials,
        };
        report.best_run_id = report.best().and_then(|best| best.run_id.clone());
        report
    }

    /// The best trial of the last round.
    pub fn best(&self) -> Option<&FinishedRun> {
        self.trials.first()?.finished.as_ref()
    }

    /// Names of the axes that have a choice.
    pub fn searched(&self) -> impl Iterator<Item = &str> {
        let several = |value: &Value| value.as_array().is_some_and(|values| values.len() > 1);
        let axes = self.space.iter().filter(move |(_, value)| several(value));
        axes.map(|(name, _)| name.as_str())
    }
}
