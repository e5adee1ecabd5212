//! Numbers as integers: observed ranges and the parameters that quantize them, weights and biases.

/// The largest integer of a weight.
const MAX_WEIGHT: f32 = 127.0;
/// The largest integer of a bias, with room for the sum that it is added to.
const MAX_BIAS: f32 = (1 << 30) as f32;

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

/// A weight in signed bytes and a bias in 32 bits, with a scale for each filter.
pub(super) struct Filters {
    pub(super) weight: Vec<i8>,
    pub(super) scales: Vec<f32>,
    pub(super) bias: Vec<i32>,
    /// The input's scale times each filter's.
    pub(super) bias_scales: Vec<f32>,
}

/// The input of a convolution.
pub(super) struct Input {
    pub(super) quantization: Quantization,
    /// Input channels of a filter.
    pub(super) channels: usize,
    /// The mean of each channel, for bias correction.
    pub(super) means: Option<Vec<f32>>,
}

impl Input {
    /// The means of a filter's input channels: filters are divided evenly among groups of channels.
    fn means(&self, filter: usize, filters: usize) -> Option<&[f32]> {
        let means = self.means.as_deref()?;
        let groups = (means.len() / self.channels.max(1)).max(1);
        let group = filter * groups / filters.max(1);
        means.get(group * self.channels..)?.get(..self.channels)
    }
}

impl Filters {
    /// Quantizes the filters, each a part of `weight` with one number of `bias`.
    ///
    /// Processors without VNNI instructions add the products of two adjacent weights and two bytes
    /// in 16 bits, with saturation. Two adjacent weights of one sign therefore add up to at most 128,
    /// since 128 times 255 fits; depthwise convolutions are not computed that way. So results are the
    /// same on every processor, at the price of slightly larger scales.
    pub(super) fn new(weight: &[f32], bias: &[f32], neighbours: Neighbours, input: &Input) -> Self {
        let length = weight.len() / bias.len().max(1);
        let mut filters = Self {
            weight: Vec::with_capacity(weight.len()),
            scales: Vec::with_capacity(bias.len()),
            bias: Vec::with_capacity(bias.len()),
            bias_scales: Vec::with_capacity(bias.len()),
        };
        let rows = weight.chunks_exact(length.max(1)).zip(bias);
        for (index, (filter, one)) in rows.enumerate() {
            let means = input.means(index, bias.len());
            filters.push(filter, *one, neighbours, (input.quantization.scale, means));
        }
        filters
    }

    fn push(
        &mut self,
        filter: &[f32],
        bias: f32,
        neighbours: Neighbours,
        (input, means): (f32, Option<&[f32]>),
    ) {
        // A filter of very small weights with a large bias would overflow the bias.
        let for_bias = bias.abs() / (input * MAX_BIAS);
        let scale = (neighbours.largest(filter) / MAX_WEIGHT).max(for_bias);
        let scale = if scale.is_normal() { scale } else { f32::MIN_POSITIVE };
        let bias_scale = (scale * input).max(f32::MIN_POSITIVE);
        let integer = |weight: &f32| (weight / scale).round().clamp(-MAX_WEIGHT, MAX_WEIGHT) as i8;
        let integers: Vec<i8> = filter.iter().map(integer).collect();
        let bias =
            bias + means.map_or(0.0, |means| rounding_error(filter, &integers, scale, means));
        self.weight.extend(integers);
        self.scales.push(scale);
        self.bias.push((bias / bias_scale).round() as i32);
        self.bias_scales.push(bias_scale);
    }
}

/// The error that rounding a filter's weights causes for the mean input.
fn rounding_error(filter: &[f32], integers: &[i8], scale: f32, means: &[f32]) -> f32 {
    let kernel = (filter.len() / means.len().max(1)).max(1);
    let channels = filter.chunks(kernel).zip(integers.chunks(kernel)).zip(means);
    let lost = channels.map(|((weights, integers), mean)| {
        let pairs = weights.iter().zip(integers);
        mean * pairs.map(|(weight, &integer)| weight - scale * f32::from(integer)).sum::<f32>()
    });
    lost.sum()
}

/// Which weights of a filter may be added in 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Neighbours {
    /// None: there is one channel.
    None,
    /// The first with the second, the third with the fourth: a kernel of size 1.
    Pairs,
    /// Any two: the runtime chooses the order of a larger kernel's weights.
    Any,
}

impl Neighbours {
    /// For a weight of this shape, `[filters, channels, kernel...]`.
    pub(super) fn of(shape: &[usize]) -> Self {
        match shape {
            [_, 1, ..] => Self::None,
            [_, _, kernel @ ..] if kernel.iter().all(|&extent| extent == 1) => Self::Pairs,
            _ => Self::Any,
        }
    }

    /// The magnitude that must become at most [`MAX_WEIGHT`].
    fn largest(self, filter: &[f32]) -> f32 {
        let largest =
            |weights: &[f32]| weights.iter().fold(0.0_f32, |most, one| most.max(one.abs()));
        let sum = |pair: &[f32]| {
            let positive: f32 = pair.iter().map(|one| one.max(0.0)).sum();
            let negative: f32 = pair.iter().map(|one| one.min(0.0)).sum();
            positive.max(-negative)
        };
        match self {
            Self::None => largest(filter),
            Self::Pairs => filter.chunks(2).map(sum).fold(0.0, f32::max),
            Self::Any => 2.0 * largest(filter),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const INPUT: Input = Input {
        quantization: Quantization { scale: 6.0 / 255.0, zero_point: 0 },
        channels: 1,
        means: None,
    };

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

    proptest! {
        #[test]
        fn weights_and_biases_are_met_within_half_a_step(
            weight in vec(-3.0_f32..3.0, 24), bias in vec(-50.0_f32..50.0, 3),
        ) {
            for neighbours in [Neighbours::None, Neighbours::Pairs, Neighbours::Any] {
                let filters = Filters::new(&weight, &bias, neighbours, &INPUT);
                for (index, (weight, integer)) in weight.iter().zip(&filters.weight).enumerate() {
                    let scale = filters.scales[index / 8];
                    let met = f32::from(*integer) * scale;
                    prop_assert!((met - weight).abs() <= 0.501 * scale, "{met} {weight}");
                }
                for (index, bias) in bias.iter().enumerate() {
                    let met = filters.bias[index] as f32 * filters.bias_scales[index];
                    prop_assert!((met - bias).abs() <= 0.501 * filters.bias_scales[index] + 1e-5);
                }
            }
        }

        #[test]
        fn sums_of_two_products_fit_16_bits(weight in vec(-3.0_f32..3.0, 9), any in 0_usize..9) {
            let pairs = Filters::new(&weight, &[0.0], Neighbours::Pairs, &INPUT);
            for pair in pairs.weight.chunks(2) {
                for bytes in [[255, 255], [255, 0], [0, 255]] {
                    let sum: i32 = pair.iter().zip(bytes).map(|(&one, byte)| i32::from(one) * byte).sum();
                    prop_assert!(i16::try_from(sum).is_ok(), "{pair:?}: {sum}");
                }
            }
            let free = Filters::new(&weight, &[0.0], Neighbours::Any, &INPUT);
            let sum = 255 * (i32::from(free.weight[any]) + i32::from(free.weight[0]));
            prop_assert!(i16::try_from(sum).is_ok(), "{sum}");
        }
    }

    proptest! {
        #[test]
        fn the_mean_of_a_result_stays(
            weight in vec(-3.0_f32..3.0, 4 * 2 * 9), means in vec(0.0_f32..6.0, 4),
        ) {
            // Two groups of two channels, with two filters each.
            let input = Input { channels: 2, means: Some(means.clone()), ..INPUT };
            let filters = Filters::new(&weight, &[0.5; 4], Neighbours::Any, &input);
            for filter in 0..4 {
                let mean = |index: usize| means[2 * (filter / 2) + index / 9];
                let places = || (0..18).map(|index| (18 * filter + index, mean(index)));
                let exact: f32 = 0.5 + places().map(|(at, mean)| weight[at] * mean).sum::<f32>();
                let scale = filters.scales[filter];
                let integers = places().map(|(at, mean)| scale * f32::from(filters.weight[at]) * mean);
                let bias = filters.bias[filter] as f32 * filters.bias_scales[filter];
                let met = bias + integers.sum::<f32>();
                prop_assert!((met - exact).abs() < 1e-2, "{met} {exact}");
            }
        }
    }

    #[test]
    fn a_filter_without_weights_keeps_its_bias() {
        for weight in [0.0, 1e-30, f32::MIN_POSITIVE / 2.0] {
            let filters = Filters::new(&[weight; 4], &[3.0], Neighbours::Pairs, &INPUT);
            let met = filters.bias[0] as f32 * filters.bias_scales[0];
            assert!((met - 3.0).abs() < 1e-5, "{met}");
            let none = Filters::new(&[weight; 4], &[0.0], Neighbours::None, &INPUT);
            assert!(none.scales[0] > 0.0 && none.bias == [0]);
        }
    }

    #[test]
    fn neighbours_follow_from_the_shape() {
        assert_eq!(Neighbours::of(&[8, 1, 3, 3]), Neighbours::None);
        assert_eq!(Neighbours::of(&[8, 4, 1, 1]), Neighbours::Pairs);
        assert_eq!(Neighbours::of(&[8, 4, 3, 3]), Neighbours::Any);
    }
}
