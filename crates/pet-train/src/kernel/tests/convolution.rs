//! Results against those of candle's own convolutions.

use proptest::prelude::*;

use super::{ACTIVATIONS, Arguments, Operation, PADDINGS, assert_close, noisy, values};
use crate::{Activation, Padding};

/// The sums of at most a thousand products of size 10 differ by their order alone.
const TOLERANCE: f32 = 1e-4;

/// Sides of a depthwise convolution's window.
const WINDOWS: [usize; 2] = [3, 5];

/// Arguments of a depthwise convolution, `size` being height and width.
fn depthwise(
    seed: u32,
    batch: usize,
    size: (usize, usize),
    channels: usize,
    window: usize,
) -> Arguments {
    let input = noisy(seed, &[batch, size.0, size.1, channels], 1.0, 0.0);
    let weight = noisy(seed + 1, &[window * window, channels], 24.0 / window as f64, 0.0);
    [input, weight, noisy(seed + 2, &[channels], 1.0, 1.0)]
}

/// Arguments of a pointwise convolution.
fn pointwise(seed: u32, size: [usize; 3], inputs: usize, outputs: usize) -> Arguments {
    let input = noisy(seed, &[&size[..], &[inputs]].concat(), 1.0, 0.0);
    let weight = noisy(seed + 1, &[inputs, outputs], 12.0 / (inputs as f64).sqrt(), 0.0);
    [input, weight, noisy(seed + 2, &[outputs], 1.0, 1.0)]
}

/// Arguments of a first layer.
fn stem(seed: u32, batch: usize, size: usize, outputs: usize) -> Arguments {
    let input = noisy(seed, &[batch, 3, size, size], 2.0, 0.0);
    let weight = noisy(seed + 1, &[27, outputs], 2.0, 0.0);
    [input, weight, noisy(seed + 2, &[outputs], 1.0, 1.0)]
}

#[track_caller]
fn check(operation: Operation, arguments: &Arguments, activation: Activation) {
    let [input, weight, bias] = arguments;
    let what =
        format!("{operation:?} of {:?} by {:?}, {activation:?}", input.shape(), weight.shape());
    let expected = operation.reference(input, weight, bias, activation).unwrap();
    assert_close(&what, &operation.forward(arguments, activation), &expected, TOLERANCE);
}

#[test]
fn depthwise_equals_candles() {
    for size in [(1, 1), (2, 3), (3, 2), (7, 7), (8, 8), (1, 6), (9, 1), (5, 12)] {
        for channels in [1, 5, 16, 24, 33, 48] {
            for stride in [1, 2, 3, 4] {
                for window in WINDOWS {
                    let arguments = depthwise(stride as u32, 2, size, channels, window);
                    for padding in PADDINGS {
                        for activation in ACTIVATIONS {
                            check(Operation::Depthwise(stride, padding), &arguments, activation);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn pointwise_equals_candles() {
    for (inputs, outputs) in [(1, 1), (3, 2), (16, 96), (33, 5), (320, 40)] {
        for size in [[2, 1, 1], [2, 2, 3], [2, 7, 7]] {
            let arguments = pointwise(9, size, inputs, outputs);
            for activation in ACTIVATIONS {
                check(Operation::Pointwise, &arguments, activation);
            }
        }
    }
}

#[test]
fn pointwise_on_more_rows_than_one_block_equals_candles() {
    // 64 Ki values make a block: here 655 rows, and 1,800 of them.
    check(Operation::Pointwise, &pointwise(3, [2, 30, 30], 100, 7), Activation::Relu6);
}

#[test]
fn stem_equals_candles() {
    for size in [1, 2, 3, 4, 7, 8, 15, 32] {
        for outputs in [1, 5, 32] {
            let arguments = stem(5, 2, size, outputs);
            for padding in PADDINGS {
                for activation in ACTIVATIONS {
                    check(Operation::Stem(padding), &arguments, activation);
                }
            }
        }
    }
}

/// Without this, the comparisons above might all lie on the rising part of the activation.
#[test]
fn the_arguments_reach_all_parts_of_relu6() {
    for (operation, arguments) in [
        (Operation::Depthwise(1, Padding::Centered), depthwise(1, 2, (7, 7), 16, 3)),
        (Operation::Depthwise(1, Padding::Same), depthwise(1, 2, (7, 7), 16, 5)),
        (Operation::Pointwise, pointwise(9, [2, 7, 7], 16, 96)),
        (Operation::Stem(Padding::Same), stem(5, 2, 15, 32)),
    ] {
        let values = values(&operation.forward(&arguments, Activation::Relu6));
        let share = |part: fn(f32) -> bool| {
            values.iter().filter(|value| part(**value)).count() as f32 / values.len() as f32
        };
        assert!(share(|value| value <= 0.0) > 0.05);
        assert!(share(|value| value >= 6.0) > 0.05);
        assert!(share(|value| value > 0.0 && value < 6.0) > 0.2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn depthwise_equals_candles_for_any_geometry(
        seed in 0..1000_u32,
        batch in 1..4_usize,
        size in (1..15_usize, 1..15_usize),
        channels in 1..70_usize,
        stride in 1..5_usize,
        window in prop::sample::select(&WINDOWS[..]),
        padding in prop::sample::select(&PADDINGS[..]),
    ) {
        let arguments = depthwise(seed, batch, size, channels, window);
        check(Operation::Depthwise(stride, padding), &arguments, Activation::Relu6);
    }

    #[test]
    fn pointwise_equals_candles_for_any_geometry(
        seed in 0..1000_u32,
        rows in (1..4_usize, 1..9_usize, 1..9_usize),
        inputs in 1..70_usize,
        outputs in 1..70_usize,
    ) {
        let arguments = pointwise(seed, [rows.0, rows.1, rows.2], inputs, outputs);
        check(Operation::Pointwise, &arguments, Activation::Relu6);
    }

    #[test]
    fn stem_equals_candles_for_any_geometry(
        seed in 0..1000_u32,
        batch in 1..4_usize,
        size in 1..30_usize,
        outputs in 1..40_usize,
        padding in prop::sample::select(&PADDINGS[..]),
    ) {
        let arguments = stem(seed, batch, size, outputs);
        check(Operation::Stem(padding), &arguments, Activation::Relu6);
    }
}

/// A network whose weights have gone bad must not look like one whose features are zero.
#[test]
fn what_is_not_a_number_stays_so() {
    for (operation, [input, weight, bias]) in [
        (Operation::Depthwise(1, Padding::Same), depthwise(0, 1, (3, 3), 16, 3)),
        (Operation::Depthwise(1, Padding::Same), depthwise(0, 1, (3, 3), 5, 5)),
        (Operation::Pointwise, pointwise(0, [1, 2, 2], 3, 5)),
        (Operation::Stem(Padding::Same), stem(0, 1, 4, 5)),
    ] {
        let poisoned = [input, weight, (bias * f64::NAN).unwrap()];
        for activation in ACTIVATIONS {
            let result = values(&operation.forward(&poisoned, activation));
            assert!(result.iter().all(|value| value.is_nan()), "{operation:?}, {activation:?}");
        }
    }
}
