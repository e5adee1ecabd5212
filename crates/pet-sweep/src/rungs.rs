//! For how long trials are trained, and how many go on.

use crate::Error;

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
