//! The ranking of a sweep.

use std::cmp::Ordering;

use serde::Serialize;
use serde_json::{Map, Value};

use super::search::Search;
use super::space::Space;
use crate::train::FinishedRun;

/// A run that is compared by [`FinishedRun::score`].
#[derive(Clone, Debug)]
pub(super) struct Scored(pub(super) FinishedRun);

impl PartialEq for Scored {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Scored {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.score().partial_cmp(&other.0.score())
    }
}

/// A trial in the ranking.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Its rank, from 1.
    pub rank: usize,
    /// Number of the point, from 1; the same in all rounds.
    pub trial: usize,
    /// The round, from 1.
    pub round: usize,
    /// Number of epochs.
    pub epochs: usize,
    /// Its hyper-parameters.
    pub values: Map<String, Value>,
    /// Its run; `None` if the training diverged.
    #[serde(flatten)]
    pub finished: Option<FinishedRun>,
}

/// The ranking: later rounds first, then by accuracy and loss.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SweepReport {
    /// `grid`, `random` or `halving`.
    pub method: &'static str,
    /// The parent run of the sweep; `None` while the tracking store cannot be reached.
    pub run_id: Option<String>,
    /// The values of each axis.
    pub space: Map<String, Value>,
    /// The run of the best trial.
    pub best_run_id: Option<String>,
    /// The trials, the best first.
    pub trials: Vec<Row>,
}

impl SweepReport {
    pub(super) fn new(
        method: &'static str,
        run_id: Option<&str>,
        space: &Space,
        search: &Search<Scored>,
    ) -> Self {
        let rows = (1..).zip(search.ranking()).map(|(rank, outcome)| {
            let trial = &outcome.trial;
            let values = trial.point.values();
            Row {
                rank,
                trial: trial.number + 1,
                round: trial.rung + 1,
                epochs: trial.epochs,
                values: values.map(|(name, value)| (name.to_owned(), value.into())).collect(),
                finished: outcome.score.clone().map(|Scored(run)| run),
            }
        });
        let axes = space.axes().iter().map(|axis| (axis.name.clone(), axis.values.clone().into()));
        let mut report = Self {
            method,
            run_id: run_id.map(Into::into),
            space: axes.collect(),
            best_run_id: None,
            trials: rows.collect(),
        };
        report.best_run_id = report.best().and_then(|best| best.run_id.clone());
        report
    }

    /// The best trial of the last round.
    pub fn best(&self) -> Option<&FinishedRun> {
        self.trials.first()?.finished.as_ref()
    }

    /// Names of the axes with several values.
    pub fn searched(&self) -> impl Iterator<Item = &str> {
        let several = |value: &Value| value.as_array().is_some_and(|values| values.len() > 1);
        let axes = self.space.iter().filter(move |(_, value)| several(value));
        axes.map(|(name, _)| name.as_str())
    }
}
