//! The learning rate range test (Smith, Cyclical Learning Rates for Training Neural Networks, 2017, section 3.3): the
//! loss is recorded while the learning rate increases with each step.

use serde::{Deserialize, Serialize};

use super::batch::{Batch, order};
use super::checkpoint::State;
use super::gradient::Steps;
use super::optimizer::Rates;
use super::trainer::Trainer;
use crate::Error;

/// Decay of the moving average of the loss, as in fastai.
const SMOOTHING: f64 = 0.98;
/// The test ends when the smoothed loss exceeds its minimum by this factor, as in fastai.
const DIVERGED: f64 = 4.0;

/// Steps at the start and at the end that the suggestion ignores, as in fastai.
const FIRST: usize = 10;
const LAST: usize = 5;

/// The learning rates of a range test, in geometric progression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateRange {
    /// The rate of the first step.
    pub lowest: f64,
    /// The rate of the last step.
    pub highest: f64,
    /// The number of steps, unless the loss diverges.
    pub steps: usize,
}

impl Default for RateRange {
    /// 100 steps from 10⁻⁷ to 10, as in fastai.
    fn default() -> Self {
        Self { lowest: 1e-7, highest: 10.0, steps: 100 }
    }
}

impl RateRange {
    /// The rate of `step`, from 0.
    fn rate(&self, step: usize) -> f64 {
        let last = self.steps.saturating_sub(1).max(1) as f64;
        self.lowest * (self.highest / self.lowest).powf(step as f64 / last)
    }
}

/// One step of the test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RatePoint {
    /// The learning rate of the head; its ratio to that of the backbone is that of the configuration.
    pub learning_rate: f64,
    /// Mean loss of the step's images in nats, before the update.
    pub loss: f64,
    /// Moving average of the loss with bias correction.
    pub smoothed: f64,
}

/// The result of a range test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RangeTest {
    /// The steps.
    pub points: Vec<RatePoint>,
    /// Whether it ended early because the loss diverged.
    pub diverged: bool,
}

impl RangeTest {
    /// The rate with the lowest smoothed loss; `None` if the loss diverged at once.
    pub fn lowest(&self) -> Option<f64> {
        let points = self.considered().iter();
        let lowest = points.min_by(|one, other| one.smoothed.total_cmp(&other.smoothed));
        lowest.map(|point| point.learning_rate)
    }

    /// The rate in the middle of the longest descent of the smoothed loss: fastai's default rule `valley`. `None` if the
    /// loss diverged at once.
    ///
    /// fastai's other rules work worse: a tenth of the rate with the lowest loss is far too high when the network
    /// memorizes the training images, and the steepest descent is noise when training starts with a trained head.
    pub fn suggestion(&self) -> Option<f64> {
        let points = self.considered();
        // The number of points of the longest descent that ends at each point.
        let mut lengths: Vec<usize> = Vec::with_capacity(points.len());
        for (index, point) in points.iter().enumerate() {
            let higher = points.iter().zip(&lengths).take(index);
            let higher = higher.filter(|(before, _)| before.smoothed > point.smoothed);
            lengths.push(1 + higher.map(|(_, length)| *length).max().unwrap_or(0));
        }
        let length = lengths.iter().max()?;
        let end = lengths.iter().position(|other| other == length)?;
        points.get(end - length / 2).map(|point| point.learning_rate)
    }

    /// Without the first steps, whose average has few losses, and the last, where the loss may diverge.
    fn considered(&self) -> &[RatePoint] {
        let end = self.points.len().saturating_sub(LAST);
        self.points.get(FIRST..end).unwrap_or_default()
    }
}

impl Trainer<'_> {
    /// Trains with an increasing learning rate until the loss diverges, without validation, checkpoint and schedule.
    /// `done` is called after each step. The same seed gives the same points.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); [`Error::Diverged`] if the first loss is not finite.
    pub fn range_test(
        &self,
        range: &RateRange,
        mut done: impl FnMut(),
    ) -> Result<RangeTest, Error> {
        let (weights, layout, network) = self.prepare()?;
        let configuration = self.configuration;
        let mut state = State::new(layout.gather(&weights)?, &layout, configuration);
        let mut steps = Steps::new(&network, &layout, configuration);
        let body = configuration.body_learning_rate / configuration.learning_rate;
        let mut curve = Curve::default();
        let mut images = Images::default();
        for step in 0..range.steps {
            self.interrupt.check()?;
            let (epoch, chosen) = images.next(self);
            let batch = Batch::make(&chosen, epoch, self.train, self.classes, configuration)?;
            let head = range.rate(step);
            let rates = Rates { body: head * body, head };
            let outcomes = steps.step(&mut state, &batch, rates);
            let loss = outcomes.iter().map(|outcome| outcome.loss).sum::<f64>();
            if !curve.add(head, loss / outcomes.len() as f64) {
                break;
            }
            done();
        }
        curve.test(configuration.learning_rate)
    }
}

/// Iterates over batches in the order of a training.
#[derive(Default)]
struct Images {
    epoch: usize,
    remaining: Vec<usize>,
}

impl Images {
    /// The next batch and its epoch.
    fn next(&mut self, trainer: &Trainer<'_>) -> (usize, Vec<usize>) {
        let configuration = trainer.configuration;
        if self.remaining.is_empty() {
            self.remaining = order(trainer.train.labels().len(), self.epoch, configuration);
            self.epoch += 1;
        }
        let count = configuration.batch_size.min(self.remaining.len());
        (self.epoch - 1, self.remaining.drain(..count).collect())
    }
}

/// The points so far.
#[derive(Default)]
struct Curve {
    points: Vec<RatePoint>,
    /// Moving average of the losses, without bias correction.
    mean: f64,
    lowest: Option<f64>,
    diverged: bool,
}

impl Curve {
    /// Adds a point, unless the loss is not finite. Returns `false` after the loss has diverged.
    fn add(&mut self, learning_rate: f64, loss: f64) -> bool {
        self.mean = SMOOTHING * self.mean + (1.0 - SMOOTHING) * loss;
        let seen = 1.0 - SMOOTHING.powf(self.points.len() as f64 + 1.0);
        let smoothed = self.mean / seen;
        let lowest = self.lowest.map_or(smoothed, |lowest| lowest.min(smoothed));
        self.diverged = !smoothed.is_finite() || smoothed > DIVERGED * lowest;
        self.lowest = Some(lowest);
        if smoothed.is_finite() {
            self.points.push(RatePoint { learning_rate, loss, smoothed });
        }
        !self.diverged
    }

    fn test(self, learning_rate: f64) -> Result<RangeTest, Error> {
        if self.points.is_empty() {
            let epoch = 0;
            return Err(Error::Diverged { epoch, learning_rate });
        }
        Ok(RangeTest { points: self.points, diverged: self.diverged })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_of(losses: impl IntoIterator<Item = f64>) -> RangeTest {
        let mut curve = Curve::default();
        let range = RateRange::default();
        let rates = (0..range.steps).map(|step| range.rate(step));
        let mut points = rates.zip(losses);
        points.all(|(rate, loss)| curve.add(rate, loss));
        curve.test(1e-3).unwrap()
    }

    #[test]
    fn rates_rise_from_the_lowest_to_the_highest() {
        let range = RateRange::default();
        let rates = [0, 50, 99].map(|step| range.rate(step));
        let expected = [1e-7, 1e-7 * 1e8_f64.powf(50.0 / 99.0), 10.0];
        for (rate, expected) in rates.into_iter().zip(expected) {
            assert!((rate / expected - 1.0).abs() < 1e-9, "{rate}");
        }
    }

    #[test]
    fn the_middle_of_the_descent_is_suggested() {
        // Flat up to 10⁻⁴, then down to 10⁻¹, then up.
        let loss = |step: usize| match RateRange::default().rate(step).log10() {
            rate if rate < -4.0 => 3.0,
            rate if rate < -1.0 => 3.0 - (rate + 4.0),
            rate => 10_f64.powf(2.0 * (rate + 1.0)),
        };
        let test = test_of((0..100).map(loss));
        let suggestion = test.suggestion().unwrap();
        assert!((1e-3..1e-2).contains(&suggestion), "{suggestion}");
        let lowest = test.lowest().unwrap();
        assert!((0.05..0.5).contains(&lowest), "{lowest}");
    }

    #[test]
    fn it_ends_where_the_loss_diverges() {
        let test = test_of((0..100).map(|step| if step < 60 { 1.0 } else { 1e3 }));
        assert!(test.diverged && test.points.len() == 61, "{test:?}");
        let test = test_of((0..100).map(|step| if step < 60 { 1.0 } else { f64::NAN }));
        assert!(test.diverged && test.points.len() == 60, "{test:?}");
        assert_eq!(test_of([1.0, 9.0, 99.0]).suggestion(), None);
        let error = Curve::default().test(0.5).unwrap_err().to_string();
        assert!(error.contains("0.5"), "{error}");
    }
}
