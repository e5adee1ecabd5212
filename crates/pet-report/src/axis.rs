//! Range, ticks and labels of an axis.

use std::ops::RangeInclusive;

/// Values of this magnitude or more are not drawn; no meaningful loss or accuracy reaches it.
const LARGEST: f64 = 1e9;

/// Whether a value can be drawn.
pub(crate) fn is_drawable(value: f64) -> bool {
    value.abs() < LARGEST
}

/// The range of an axis and its ticks.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Axis {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
    pub(crate) ticks: Vec<f64>,
    labels: Labels,
}

/// The format of tick labels.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Labels {
    Decimals(usize),
    /// A power of ten with this exponent.
    Power,
}

impl Axis {
    /// An axis for measured values with about six ticks, which ends at round numbers. It exceeds the range `usual`
    /// only if a value does. `None` if no value can be drawn.
    pub(crate) fn of_values(
        values: impl Iterator<Item = f64>,
        usual: RangeInclusive<f64>,
    ) -> Option<Self> {
        let (lower, upper) = range(values.filter(|&value| is_drawable(value)))?;
        let middle = f64::midpoint(lower, upper);
        // Not so narrow that rounding errors of nearly equal values become visible.
        let half = ((upper - lower) / 2.0).max(middle.abs() * 0.02).max(5e-4);
        let step = round_step(2.0 * half / 6.0);
        let from = (middle - half).max(usual.start().min(lower));
        let to = (middle + half).min(usual.end().max(upper));
        Some(Self::stepped((from / step).floor(), (to / step).ceil(), step))
    }

    /// An axis of integers from `first` to `last` with about ten ticks and a margin at both ends.
    pub(crate) fn of_epochs(first: usize, last: usize) -> Self {
        let (lower, upper) = (first as f64, last as f64);
        let step = round_step(((upper - lower) / 10.0).max(1.0));
        let mut axis = Self::stepped((lower / step).ceil(), (upper / step).floor(), step);
        if axis.ticks.first().is_none_or(|&tick| tick - lower > step / 2.0) {
            axis.ticks.insert(0, lower);
        }
        let room = ((upper - lower) * 0.03).max(0.3);
        Self { lower: lower - room, upper: upper + room, ..axis }
    }

    /// A logarithmic axis for positive `values`, with ticks at powers of ten; positions are decimal logarithms.
    pub(crate) fn of_powers(values: impl Iterator<Item = f64>) -> Option<Self> {
        let exponents = values.map(f64::log10).filter(|value| value.is_finite());
        let (lower, upper) = range(exponents)?;
        let room = ((upper - lower) * 0.03).max(0.1);
        let axis = Self::stepped((lower - room).ceil(), (upper + room).floor(), 1.0);
        Some(Self { lower: lower - room, upper: upper + room, labels: Labels::Power, ..axis })
    }

    /// An axis with ticks at multiples of `step`; `lower` and `upper` are in units of `step`.
    fn stepped(lower: f64, upper: f64, step: f64) -> Self {
        let count = (upper - lower).max(-1.0) as usize + 1;
        Self {
            lower: lower * step,
            upper: upper * step,
            ticks: (0..count).map(|index| (lower + index as f64) * step).collect(),
            labels: Labels::Decimals((-step.log10()).ceil().clamp(0.0, 9.0) as usize),
        }
    }

    /// The position of a value: 0 at the lower end, 1 at the upper.
    pub(crate) fn position(&self, value: f64) -> f32 {
        ((value - self.lower) / (self.upper - self.lower)) as f32
    }

    /// The label of a value.
    pub(crate) fn label(&self, value: f64) -> String {
        match self.labels {
            // Adding zero turns -0 into 0.
            Labels::Decimals(decimals) => format!("{:.*}", decimals, value + 0.0),
            Labels::Power => format!("{:e}", 10_f64.powi(value.round() as i32)),
        }
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| {
        let (lower, upper) = range.unwrap_or((value, value));
        Some((value.min(lower), value.max(upper)))
    })
}

/// The smallest of 1, 2, 5, 10, 20 … (or 0.1, 0.2, 0.5 …) that is at least `step`.
fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.log10().floor());
    let factor =
        [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * magnitude >= step * 0.999);
    factor.unwrap_or(10.0) * magnitude
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|&tick| axis.label(tick)).collect()
    }

    fn percentages(values: &[f64]) -> Axis {
        Axis::of_values(values.iter().copied(), 0.0..=100.0).unwrap()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_values() {
        let losses = [0.31, 1.17, f64::NAN];
        let axis = Axis::of_values(losses.into_iter(), 0.0..=f64::MAX).unwrap();
        assert_eq!(labels(&axis), ["0.2", "0.4", "0.6", "0.8", "1.0", "1.2"]);
        assert_eq!(labels(&percentages(&[88.2, 93.4])), ["88", "89", "90", "91", "92", "93", "94"]);
    }

    #[test]
    fn an_axis_leaves_its_usual_range_only_for_a_value() {
        assert_eq!(labels(&percentages(&[100.0])), ["98", "99", "100"]);
        assert!(percentages(&[0.0]).lower >= 0.0);
        assert!(percentages(&[-3.0, 104.0]).upper >= 104.0);
    }

    #[test]
    fn constant_and_extreme_values_have_an_axis_too() {
        for value in [0.0, 1.0, -3.0, 1e-300, 9e8, -9e8] {
            let axis = percentages(&[value; 3]);
            assert!((0.0..=1.0).contains(&axis.position(value)), "{value}: {axis:?}");
            assert!((2..=20).contains(&axis.ticks.len()), "{value}: {axis:?}");
        }
        let beyond = [f64::NAN, f64::INFINITY, 1e300];
        assert_eq!(Axis::of_values(beyond.into_iter(), 0.0..=1.0), None);
    }

    #[test]
    fn powers_of_ten_are_written_as_they_are_typed() {
        let rates = [1e-5, 3e-4, 0.02, f64::NAN];
        let axis = Axis::of_powers(rates.into_iter()).unwrap();
        assert_eq!(labels(&axis), ["1e-5", "1e-4", "1e-3", "1e-2"]);
        assert!((axis.position(-5.0) - 0.028).abs() < 0.01, "{axis:?}");
        let one = Axis::of_powers([0.5].into_iter()).unwrap();
        assert!((0.0..=1.0).contains(&one.position(0.5_f64.log10())));
        assert_eq!(Axis::of_powers([0.0].into_iter()), None);
    }

    #[test]
    fn epochs_are_whole_numbers_and_the_first_is_among_them() {
        assert_eq!(labels(&Axis::of_epochs(1, 1)), ["1"]);
        assert_eq!(labels(&Axis::of_epochs(1, 5)), ["1", "2", "3", "4", "5"]);
        assert_eq!(labels(&Axis::of_epochs(1, 30)), ["1", "5", "10", "15", "20", "25", "30"]);
        assert_eq!(labels(&Axis::of_epochs(0, 100)).len(), 11);
        assert!(Axis::of_epochs(0, usize::MAX).ticks.len() < 20);
    }
}
