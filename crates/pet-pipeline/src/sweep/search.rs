//! The rounds of a search and its state.

use super::space::{Error, Point};

/// One round of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Number of trials.
    pub trials: usize,
    /// Epochs of each.
    pub epochs: usize,
}

/// Rounds of trials; each has fewer but longer trials than the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rungs(Vec<Rung>);

impl Rungs {
    /// One round: all trials have the same number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Number`] without trials or epochs.
    pub fn single(trials: usize, epochs: usize) -> Result<Self, Error> {
        at_least("trials", trials, 1)?;
        at_least("epochs", epochs, 1)?;
        Ok(Self(vec![Rung { trials, epochs }]))
    }

    /// Successive halving (Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
    /// Optimization, 2016): after each round, one in `factor` trials continues with `factor` times the epochs, so that all
    /// rounds cost about the same.
    ///
    /// The last round has `epochs` epochs. There are as many rounds before it as there are trials for, with at least
    /// `shortest` epochs each.
    ///
    /// # Errors
    ///
    /// [`Error::Number`] without trials, for a factor below 2, or unless 1 ≤ `shortest` ≤ `epochs`.
    pub fn halving(
        trials: usize,
        factor: usize,
        shortest: usize,
        epochs: usize,
    ) -> Result<Self, Error> {
        at_least("trials", trials, 1)?;
        at_least("factor", factor, 2)?;
        at_least("shortest training", shortest, 1)?;
        at_least("epochs", epochs, shortest)?;
        let mut lengths = vec![epochs];
        let mut divisor = factor;
        // Stops before a round that would be as long as the next.
        while let Some(length) = rounded(epochs, divisor)
            && length >= shortest
            && lengths.last().is_some_and(|next| length < *next)
            && trials / divisor >= 1
        {
            lengths.push(length);
            divisor = divisor.saturating_mul(factor);
        }
        let mut trials = trials;
        let mut rungs = Vec::with_capacity(lengths.len());
        for epochs in lengths.into_iter().rev() {
            rungs.push(Rung { trials, epochs });
            trials = (trials / factor).max(1);
        }
        Ok(Self(rungs))
    }

    /// The rounds in order; at least one.
    pub fn all(&self) -> &[Rung] {
        &self.0
    }

    /// Trials of all rounds.
    pub fn trials(&self) -> usize {
        self.0.iter().map(|rung| rung.trials).sum()
    }

    /// Epochs of all trials of all rounds.
    pub fn epochs(&self) -> usize {
        let cost = |rung: &Rung| rung.trials.saturating_mul(rung.epochs);
        self.0.iter().map(cost).fold(0, usize::saturating_add)
    }
}

/// The quotient, rounded half up.
fn rounded(epochs: usize, divisor: usize) -> Option<usize> {
    epochs.checked_add(divisor / 2).map(|enlarged| enlarged / divisor)
}

fn at_least(name: &'static str, value: usize, least: usize) -> Result<(), Error> {
    if value >= least {
        return Ok(());
    }
    Err(Error::Number { name, value, expected: format!("at least `{least}`") })
}

/// A point to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// Number of the point, from 0; the same in every round.
    pub number: usize,
    /// The round, from 0.
    pub rung: usize,
    /// Number of epochs.
    pub epochs: usize,
    /// Its hyper-parameters.
    pub point: Point,
}

/// A trial and its score.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome<S> {
    /// The trial.
    pub trial: Trial,
    /// Its score; `None` if it failed.
    pub score: Option<S>,
}

/// Returns trials and receives their scores; higher is better.
///
/// After each round, the best trials continue in the next, the earlier ones in case of a tie. Trials without a score never
/// continue. A search can be stopped at any time: its ranking has all trials so far.
#[derive(Clone, Debug)]
pub struct Search<S> {
    points: Vec<Point>,
    rungs: Rungs,
    rung: usize,
    /// Numbers of the remaining points of this round, in reverse order.
    waiting: Vec<usize>,
    current: Option<Trial>,
    outcomes: Vec<Outcome<S>>,
}

impl<S: PartialOrd> Search<S> {
    /// A search over these points. The first round has at most one trial per point.
    pub fn new(points: Vec<Point>, rungs: Rungs) -> Self {
        let first = rungs.all().first().map_or(0, |rung| rung.trials);
        let waiting = (0..points.len().min(first)).rev().collect();
        Self { points, rungs, rung: 0, waiting, current: None, outcomes: Vec::new() }
    }

    /// The planned rounds.
    pub fn rungs(&self) -> &Rungs {
        &self.rungs
    }

    /// The next trial; `None` at the end. Stays the same until its score is reported.
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

    /// Reports the score of the current trial, if there is one.
    pub fn report(&mut self, score: Option<S>) {
        if let Some(trial) = self.current.take() {
            self.outcomes.push(Outcome { trial, score });
        }
    }

    /// The reported trials in order.
    pub fn outcomes(&self) -> &[Outcome<S>] {
        &self.outcomes
    }

    /// The reported trials, the best first: by later round, higher score, then earlier trial. Those without a score are the
    /// last of their round.
    pub fn ranking(&self) -> Vec<&Outcome<S>> {
        let mut ranking: Vec<_> = self.outcomes.iter().collect();
        // The sort is stable, which keeps earlier trials before equal ones.
        ranking.sort_by(|one, other| {
            let rung = other.trial.rung.cmp(&one.trial.rung);
            rung.then_with(|| better_first(one.score.as_ref(), other.score.as_ref()))
        });
        ranking
    }

    /// Starts the next round, if there is one, with the best trials of this one.
    fn promote(&mut self) {
        let Some(next) = self.rungs.all().get(self.rung + 1) else {
            return;
        };
        let finished = self.rung;
        let ranking = self.ranking().into_iter();
        let best = ranking.filter(|one| one.trial.rung == finished && one.score.is_some());
        let selected = best.take(next.trials).map(|one| one.trial.number);
        let mut selected: Vec<usize> = selected.collect();
        selected.reverse();
        self.waiting = selected;
        self.rung += 1;
    }
}

/// Scores that cannot be compared, such as NaN, count as `None`.
fn better_first<S: PartialOrd>(one: Option<&S>, other: Option<&S>) -> std::cmp::Ordering {
    let comparable = |score: &&S| score.partial_cmp(score).is_some();
    let (one, other) = (one.filter(comparable), other.filter(comparable));
    match (one, other) {
        (Some(one), Some(other)) => other.partial_cmp(one).unwrap_or(std::cmp::Ordering::Equal),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}
