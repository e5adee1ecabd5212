//! Which points are tried for how long: rounds of trials, and the state of a search through them.

use super::error::Error;
use super::space::Point;

/// One round of trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Number of trials.
    pub trials: usize,
    /// Epochs of each.
    pub epochs: usize,
}

/// Rounds of trials: each has fewer than the one before, and trains them for longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rungs(Vec<Rung>);

impl Rungs {
    /// One round: all trials are trained for the same number of epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Number`] for no trials or no epochs.
    pub fn single(trials: usize, epochs: usize) -> Result<Self, Error> {
        at_least("trials", trials, 1)?;
        at_least("epochs", epochs, 1)?;
        Ok(Self(vec![Rung { trials, epochs }]))
    }

    /// Successive halving (Jamieson & Talwalkar, Non-stochastic Best Arm Identification and Hyperparameter
    /// Optimization, 2016): in each round a `factor`-th of the trials goes on with `factor` times the epochs, so that
    /// all rounds cost about the same.
    ///
    /// The last round trains for `epochs`; there are as many before it as the trials allow and as start with at least
    /// `shortest` epochs.
    ///
    /// # Errors
    ///
    /// [`Error::Number`] for no trials, a factor below 2, or epochs that are not in ascending order from 1.
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
        // Rounded half up; a round that would be as long as the next tells nothing new.
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

    /// The rounds in their order; at least one.
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

fn rounded(epochs: usize, divisor: usize) -> Option<usize> {
    epochs
        .checked_add(divisor / 2)
        .map(|enlarged| enlarged / divisor)
}

fn at_least(name: &'static str, value: usize, least: usize) -> Result<(), Error> {
    if value >= least {
        return Ok(());
    }
    Err(Error::Number {
        name,
        value,
        expected: format!("at least `{least}`"),
    })
}

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
    /// How good it was; none if it failed.
    pub score: Option<S>,
}

/// Hands out trials and is told how good each was: the larger the score, the better.
///
/// When all trials of a round are reported, the best ones go on to the next; of equals, the earlier. Trials without a
/// score never go on. A search may be stopped at any time: its ranking holds what is known so far.
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
