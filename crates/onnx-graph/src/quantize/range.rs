//! Observed ranges, and the parameters that quantize them.

/// The smallest and the largest observed number of a value; both are finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    minimum: f32,
    maximum: f32,
}

impl Range {
    /// A range by its ends; `None` when they are not finite or in the wrong order.
    pub fn new(minimum: f32, maximum: f32) -> Option<Self> {
        let valid = minimum.is_finite() && maximum.is_finite() && minimum <= maximum;
        valid.then_some(Self { minimum, maximum })
    }

    /// The range of some numbers; `None` for none, or when one is not finite.
    ///
    /// ```
    /// use onnx_graph::Range;
    ///
    /// assert_eq!(Range::of(&[0.5, -1.0, 2.0]), Range::new(-1.0, 2.0));
    /// assert_eq!(Range::of(&[0.5, f32::NAN]), None);
    /// ```
    pub fn of(numbers: &[f32]) -> Option<Self> {
        let (first, rest) = numbers.split_first()?;
        rest.iter().try_fold(Self::new(*first, *first)?, |range, &number| {
            Some(range.join(Self::new(number, number)?))
        })
    }

    /// The smallest range that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { minimum: self.minimum.min(other.minimum), maximum: self.maximum.max(other.maximum) }
    }

    /// The smallest number.
    pub fn minimum(self) -> f32 {
        self.minimum
    }

    /// The largest number.
    pub fn maximum(self) -> f32 {
        self.maximum
    }

    /// The part within `limits`, which contain 0.
    pub(super) fn within(self, limits: Self) -> Self {
        let clamp = |end: f32| end.clamp(limits.minimum, limits.maximum);
        Self { minimum: clamp(self.minimum), maximum: clamp(self.maximum) }
    }

    /// The parameters that cover the range and 0, which is represented exactly: padding is 0.
    pub(super) fn quantization(self) -> Quantization {
        let (low, high) = (self.minimum.min(0.0), self.maximum.max(0.0));
        let width = f64::from(high) - f64::from(low);
        let scale = ((width / 255.0) as f32).max(f32::MIN_POSITIVE);
        let zero_point = (-f64::from(low) / f64::from(scale)).round() as u8;
        Quantization { scale, zero_point }
    }
}

/// Statistics of one channel of a value on calibration inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Channel {
    /// The mean.
    pub mean: f32,
    /// The maximum.
    pub maximum: f32,
}

/// Quantization parameters: a byte stands for `scale * (byte - zero_point)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantization {
    pub(super) scale: f32,
    pub(super) zero_point: u8,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_of_the_range_is_met_within_a_step(
            ends in (-1e6_f32..1e6, -1e6_f32..1e6), part in 0.0_f32..=1.0,
        ) {
            let range = Range::of(&[ends.0, ends.1]).unwrap();
            let Quantization { scale, zero_point } = range.quantization();
            let number = range.minimum + part * (range.maximum - range.minimum);
            let byte = (f64::from(number) / f64::from(scale)).round() + f64::from(zero_point);
            let met = (byte.clamp(0.0, 255.0) - f64::from(zero_point)) * f64::from(scale);
            prop_assert!((met - f64::from(number)).abs() <= f64::from(scale) * 1.001, "{met} {number}");
        }
    }

    #[test]
    fn the_range_of_a_rectified_value_starts_at_zero() {
        let shifted = Range::new(0.5, 6.0).unwrap().quantization();
        assert_eq!(shifted, Quantization { scale: 6.0 / 255.0, zero_point: 0 });
        let below = Range::new(-3.0, -1.0).unwrap().quantization();
        assert_eq!(below.zero_point, 255);
        let none = Range::new(0.0, 0.0).unwrap().quantization();
        assert!(none.scale > 0.0);
        let all = Range::new(f32::MIN, f32::MAX).unwrap().quantization();
        assert!(all.scale.is_finite() && (127..=128).contains(&all.zero_point));
    }

    #[test]
    fn a_range_has_finite_ends_in_order() {
        assert_eq!(Range::new(1.0, 0.0), None);
        assert_eq!(Range::new(0.0, f32::INFINITY), None);
        assert_eq!(Range::of(&[]), None);
        assert_eq!(Range::of(&[f32::NAN]), None);
    }
}
