//! Where an axis starts and ends, and what is written along it.

use std::ops::RangeInclusive;

/// Values beyond this are not drawn: no loss or accuracy that says anything reaches it.
const LARGEST: f64 = 1e9;

/// Whether a value has a place on an axis.
pub(super) fn is_drawable(value: f64) -> bool {
    value.abs() < LARGEST
}

/// The range of an axis and the values written along it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) ticks: Vec<f64>,
    labels: Labels,
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Labels {
    Decimals(usize),
    /// As a power of ten, whose exponent it is.
    Power,
}

impl Axis {
    /// An axis for measured values that ends at round numbers, about six of which are written.
    /// It leaves the range `usual` only if a value does. `None` if no value can be drawn.
    pub(super) fn of_values(
        values: impl Iterator<Item = f64>,
        usual: RangeInclusive<f64>,
    ) -> Option<Self> {
        let (lower, upper) = values.filter(|&value| is_drawable(value)).fold(
            None,
            |range: Option<(f64, f64)>, value| {
                let (lower, upper) = range.unwrap_or((value, value));
                Some((lower.min(value), upper.max(value)))
            },
        )?;
        let middle = f64::midpoint(lower, upper);
        // Values that hardly differ are not blown up until rounding errors look like news.
        let half = ((upper - lower) / 2.0).max(middle.abs() * 0.02).max(5e-4);
        let step = round_step(2.0 * half / 6.0);
        let from = (middle - half).max(usual.start().min(lower));
        let to = (middle + half).min(usual.end().max(upper));
        Some(Self::stepped(
            (from / step).floor(),
            (to / step).ceil(),
            step,
        ))
    }

    /// An axis of whole numbers from `first` to `last` with a little room at both ends, about ten
    /// of which are written.
    pub(super) fn of_epochs(first: usize, last: usize) -> Self {
        let (lower, upper) = (first as f64, last as f64);
        let step = round_step(((upper - lower) / 10.0).max(1.0));
        let mut axis = Self::stepped((lower / step).ceil(), (upper / step).floor(), step);
        if axis
            .ticks
            .first()
            .is_none_or(|&tick| tick - lower > step / 2.0)
        {
            axis.ticks.insert(0, lower);
        }
        let room = ((upper - lower) * 0.03).max(0.3);
        Self {
            lower: lower - room,
            upper: upper + room,
            ..axis
        }
    }

    /// An axis of powers of ten from the smallest to the largest of `values`, which are above 0; a place on it is the
    /// common logarithm of a value.
    pub(super) fn of_powers(values: impl Iterator<Item = f64>) -> Option<Self> {
        let exponents = values.map(f64::log10).filter(|value| value.is_finite());
        let (lower, upper) = exponents.fold(None, |range: Option<(f64, f64)>, value| {
            let (lower, upper) = range.unwrap_or((value, value));
            Some((lower.min(value), upper.max(value)))
        })?;
        let room = ((upper - lower) * 0.03).max(0.1);
        let axis = Self::stepped((lower - room).ceil(), (upper + room).floor(), 1.0);
        Some(Self {
            lower: lower - room,
            upper: upper + room,
            labels: Labels::Power,
            ..axis
        })
    }

    /// The multiples of `step` from `lower` to `upper`, both counted in steps.
    fn stepped(lower: f64, upper: f64, step: f64) -> Self {
        let count = (upper - lower).max(-1.0) as usize + 1;
        Self {
            lower: lower * step,
            upper: upper * step,
            ticks: (0..count)
                .map(|index| (lower + index as f64) * step)
                .collect(),
            labels: Labels::Decimals((-step.log10()).ceil().clamp(0.0, 9.0) as usize),
        }
    }

    /// How far along the axis a value lies: 0 at its lower end, 1 at its upper.
    pub(super) fn share(&self, value: f64) -> f32 {
        ((value - self.lower) / (self.upper - self.lower)) as f32
    }

    /// A value as it is written along the axis.
    pub(super) fn label(&self, value: f64) -> String {
        match self.labels {
            // Adding zero turns -0 into 0.
            Labels::Decimals(decimals) => format!("{:.*}", decimals, value + 0.0),
            Labels::Power => format!("{:e}", 10_f64.powi(value.round() as i32)),
        }
    }
}

/// The smallest of 1, 2, 5, 10, 20 … (or 0.1, 0.2, 0.5 …) that is at least `step`.
fn round_step(step: f64) -> f64 {
    let magnitude = 10_f64.powf(step.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .find(|factor| factor * magnitude >= step * 0.999);
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
        assert_eq!(
            labels(&percentages(&[88.2, 93.4])),
            ["88", "89", "90", "91", "92", "93", "94"]
        );
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
            assert!(
                (0.0..=1.0).contains(&axis.share(value)),
                "{value}: {axis:?}"
            );
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
        assert!((axis.share(-5.0) - 0.028).abs() < 0.01, "{axis:?}");
        let one = Axis::of_powers([0.5].into_iter()).unwrap();
        assert!((0.0..=1.0).contains(&one.share(0.5_f64.log10())));
        assert_eq!(Axis::of_powers([0.0].into_iter()), None);
    }

    #[test]
    fn epochs_are_whole_numbers_and_the_first_is_among_them() {
        assert_eq!(labels(&Axis::of_epochs(1, 1)), ["1"]);
        assert_eq!(labels(&Axis::of_epochs(1, 5)), ["1", "2", "3", "4", "5"]);
        assert_eq!(
            labels(&Axis::of_epochs(1, 30)),
            ["1", "5", "10", "15", "20", "25", "30"]
        );
        assert_eq!(labels(&Axis::of_epochs(0, 100)).len(), 11);
        assert!(Axis::of_epochs(0, usize::MAX).ticks.len() < 20);
    }
}
