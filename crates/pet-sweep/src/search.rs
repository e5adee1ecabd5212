//! The state of a search.

use crate::{Point, Rungs};

/// What is to be tried next.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number of the point among those chosen, from 0; the same in every round.
    pub number: usize,
    /// The round, from 0.
    pub rung: usize,
    /// How long to train.
    pub epochs: usize,
    /// What to train with.
    pub point: Point,
}

/// A trial that was reported.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<S> {
    /// What was tried.
    pub trial: Trial,
    /// How good it was; none if it came to nothing.
    pub score: Option<S>,
}

/// Hands out trials and is told how good each was: the larger the score, the better.
///
/// When all trials of a round are reported, the best ones go on to the next; of equals, the earlier. Trials without a
/// score never go on. A search may be left at any time: its ranking holds what is known so far.
#[derive(Clone, Debug)]
pub struct Search<S> {
    points: Vec<Point>,
    rungs: Rungs,
    rung: usize,
    /// Numbers of the points of this round that are still to be tried, the next one last.
    waiting: Vec<usize>,
    current: Option<Trial>,
    outcomes: Vec<Outcome<S>>,
}

impl<S: PartialOrd> Search<S> {
    /// A search over these points; the first round has no more trials than there are points.
    pub fn new(points: Vec<Point>, rungs: Rungs) -> Self {
        let first = rungs.all().first().map_or(0, |rung| rung.trials);
        let waiting = (0..points.len().min(first)).rev().collect();
        Self {
            points,
            rungs,
            rung: 0,
            waiting,
            current: None,
            outcomes: Vec::new(),
        }
    }

    /// The rounds as they are planned.
    pub fn rungs(&self) -> &Rungs {
        &self.rungs
    }

    /// What to try now; none when all is done. Until its score is reported, it stays the same.
    pub fn next_trial(&mut self) -> Option<Trial> {
        if self.current.is_none() {
            if self.waiting.is_empty() {
                self.promote();
            }
            let number = self.waiting.pop()?;
            self.current = Some(Trial {
                number,
                rung: self.rung,
                epochs: self.rungs.all().get(self.rung)?.epochs,
                point: self.points.get(number)?.clone(),
            });
        }
        self.current.clone()
    }

    /// How good the trial was that was handed out; without one, nothing happens.
    pub fn report(&mut self, score: Option<S>) {
        if let Some(trial) = self.current.take() {
            self.outcomes.push(Outcome { trial, score });
        }
    }

    /// Trials that were reported, in their order.
    pub fn outcomes(&self) -> &[Outcome<S>] {
        &self.outcomes
    }

    /// Trials that were reported, the best first: later rounds before earlier ones, then higher scores, then earlier
    /// trials. Those without a score stand behind all others of their round.
    pub fn ranking(&self) -> Vec<&Outcome<S>> {
        let mut ranking: Vec<_> = self.outcomes.iter().collect();
        // Sorting is stable, which keeps earlier trials before equal ones.
        ranking.sort_by(|one, other| {
            let rung = other.trial.rung.cmp(&one.trial.rung);
            rung.then_with(|| better_first(one.score.as_ref(), other.score.as_ref()))
        });
        ranking
    }

    /// Fills the next round, if there is one, with the best of this one.
    fn promote(&mut self) {
        let Some(next) = self.rungs.all().get(self.rung + 1) else {
            return;
        };
        let finished = self.rung;
        let best = self
            .ranking()
            .into_iter()
            .filter(|outcome| outcome.trial.rung == finished && outcome.score.is_some());
        let mut chosen: Vec<usize> = best
            .take(next.trials)
            .map(|outcome| outcome.trial.number)
            .collect();
        chosen.reverse();
        self.waiting = chosen;
        self.rung += 1;
    }
}

/// Scores that cannot be compared, such as NaN, count as none.
fn better_first<S: PartialOrd>(one: Option<&S>, other: Option<&S>) -> std::cmp::Ordering {
    let comparable = |score: &&S| score.partial_cmp(score).is_some();
    let (one, other) = (one.filter(comparable), other.filter(comparable));
    match (one, other) {
        (Some(one), Some(other)) => other.partial_cmp(one).unwrap_or(std::cmp::Ordering::Equal),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
