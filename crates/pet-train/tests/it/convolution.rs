//! Forward passes against candle's own convolutions.

use candle_core::Tensor;
use pet_train::{Activation, Padding, op};
use proptest::prelude::*;

use crate::golden::{assert_close, bits, noise, values};
use crate::reference::{self, Arguments};

/// The sums of at most a thousand products of size 10 differ by their order alone.
const TOLERANCE: f32 = 1e-4;

/// Sides of a depthwise convolution's window.
const WINDOWS: [usize; 2] = [3, 5];

pub(crate) const PADDINGS: [Padding; 2] = [Padding::Centered, Padding::Same];

const ACTIVATIONS: [Activation; 2] = [Activation::Linear, Activation::Relu6];

/// Arguments of a depthwise convolution, `size` being height and width.
pub(crate) fn depthwise_arguments(
    seed: u32,
    batch: usize,
    size: (usize, usize),
    channels: usize,
    window: usize,
) -> Arguments {
    let input = noise(seed, &[batch, size.0, size.1, channels]);
    let scale = 24.0 / window as f64;
    let weight = (noise(seed + 1, &[window * window, channels]) * scale).unwrap();
    let bias = (noise(seed + 2, &[channels]) + 1.0).unwrap();
    [input, weight, bias]
}

/// Arguments of a pointwise convolution on rows of any shape.
pub(crate) fn pointwise_arguments(
    seed: u32,
    rows: &[usize],
    inputs: usize,
    outputs: usize,
) -> Arguments {
    let input = noise(seed, &[rows, &[inputs]].concat());
    let scale = 12.0 / (inputs as f64).sqrt();
    let weight = (noise(seed + 1, &[inputs, outputs]) * scale).unwrap();
    let bias = (noise(seed + 2, &[outputs]) + 1.0).unwrap();
    [input, weight, bias]
}

/// Arguments of a first layer.
pub(crate) fn stem_arguments(seed: u32, batch: usize, size: usize, outputs: usize) -> Arguments {
    let input = (noise(seed, &[batch, 3, size, size]) * 2.0).unwrap();
    let bias = (noise(seed + 2, &[outputs]) + 1.0).unwrap();
    let weight = (noise(seed + 1, &[27, outputs]) * 2.0).unwrap();
    [input, weight, bias]
}

fn depthwise(
    [input, weight, bias]: &Arguments,
    stride: usize,
    padding: Padding,
    activation: Activation,
) -> Tensor {
    op::depthwise(input, weight, bias, stride, padding, activation).unwrap()
}

fn pointwise([input, weight, bias]: &Arguments, activation: Activation) -> Tensor {
    op::pointwise(input, weight, bias, activation).unwrap()
}

fn stem([input, weight, bias]: &Arguments, padding: Padding, activation: Activation) -> Tensor {
    op::stem(input, weight, bias, padding, activation).unwrap()
}

#[track_caller]
fn check_depthwise(arguments: &Arguments, stride: usize, padding: Padding, activation: Activation) {
    let what = format!(
        "depthwise {:?}, weight {:?}, stride {stride}, {padding:?}, {activation:?}",
        arguments[0].shape(),
        arguments[1].shape()
    );
    let expected = reference::depthwise(arguments, stride, padding, activation).unwrap();
    assert_close(&what, &depthwise(arguments, stride, padding, activation), &expected, TOLERANCE);
}

#[track_caller]
fn check_pointwise(arguments: &Arguments, activation: Activation) {
    let what = format!("pointwise {:?}, {activation:?}", arguments[0].shape());
    let expected = reference::pointwise(arguments, activation).unwrap();
    assert_close(&what, &pointwise(arguments, activation), &expected, TOLERANCE);
}

#[track_caller]
fn check_stem(arguments: &Arguments, padding: Padding, activation: Activation) {
    let shape = arguments[0].shape();
    let what = format!("stem {shape:?}, {padding:?}, {activation:?}");
    let expected = reference::stem(arguments, padding, activation).unwrap();
    let got = stem(arguments, padding, activation);
    assert_close(&what, &got, &expected, TOLERANCE);
}

#[test]
fn depthwise_equals_candles() {
    for size in [(1, 1), (2, 3), (3, 2), (7, 7), (8, 8), (1, 6), (9, 1), (5, 12)] {
        for channels in [1, 5, 16, 24, 33, 48] {
            for stride in [1, 2, 3, 4] {
                for window in WINDOWS {
                    let arguments = depthwise_arguments(stride as u32, 2, size, channels, window);
                    for padding in PADDINGS {
                        for activation in ACTIVATIONS {
                            check_depthwise(&arguments, stride, padding, activation);
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
        for size in [(1, 1), (2, 3), (7, 7)] {
            let arguments = pointwise_arguments(9, &[2, size.0, size.1], inputs, outputs);
            for activation in ACTIVATIONS {
                check_pointwise(&arguments, activation);
            }
        }
    }
}

#[test]
fn pointwise_on_more_rows_than_one_block_equals_candles() {
    // 64 Ki values make a block: here 655 rows, and 1,800 of them.
    let arguments = pointwise_arguments(3, &[2, 30, 30], 100, 7);
    check_pointwise(&arguments, Activation::Relu6);
}

#[test]
fn stem_equals_candles() {
    for size in [1, 2, 3, 4, 7, 8, 15, 32] {
        for outputs in [1, 5, 32] {
            let arguments = stem_arguments(5, 2, size, outputs);
            for padding in PADDINGS {
                for activation in ACTIVATIONS {
                    check_stem(&arguments, padding, activation);
                }
            }
        }
    }
}

/// Without this, the comparisons above might all lie on the rising part of the activation.
#[test]
fn the_arguments_reach_all_parts_of_relu6() {
    for result in [
        depthwise(
            &depthwise_arguments(1, 2, (7, 7), 16, 3),
            1,
            Padding::Centered,
            Activation::Relu6,
        ),
        depthwise(&depthwise_arguments(1, 2, (7, 7), 16, 5), 1, Padding::Same, Activation::Relu6),
        pointwise(&pointwise_arguments(9, &[2, 7, 7], 16, 96), Activation::Relu6),
        stem(&stem_arguments(5, 2, 15, 32), Padding::Same, Activation::Relu6),
    ] {
        let values = values(&result);
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
        let arguments = depthwise_arguments(seed, batch, size, channels, window);
        check_depthwise(&arguments, stride, padding, Activation::Relu6);
    }

    #[test]
    fn pointwise_equals_candles_for_any_geometry(
        seed in 0..1000_u32,
        rows in (1..4_usize, 1..9_usize, 1..9_usize),
        inputs in 1..70_usize,
        outputs in 1..70_usize,
    ) {
        let arguments = pointwise_arguments(seed, &[rows.0, rows.1, rows.2], inputs, outputs);
        check_pointwise(&arguments, Activation::Relu6);
    }

    #[test]
    fn stem_equals_candles_for_any_geometry(
        seed in 0..1000_u32,
        batch in 1..4_usize,
        size in 1..30_usize,
        outputs in 1..40_usize,
        padding in prop::sample::select(&PADDINGS[..]),
    ) {
        check_stem(&stem_arguments(seed, batch, size, outputs), padding, Activation::Relu6);
    }
}

#[test]
fn views_give_what_copies_give() {
    let turned = |tensor: &Tensor| tensor.t().unwrap().contiguous().unwrap().t().unwrap();
    let [input, weight, bias] = pointwise_arguments(2, &[6], 5, 7);
    let copies = pointwise(&[input.clone(), weight.clone(), bias.clone()], Activation::Relu6);
    let views = pointwise(&[turned(&input), turned(&weight), bias], Activation::Relu6);
    assert_close("pointwise", &views, &copies, 1e-5);

    // A view that starts inside its tensor and one that skips columns.
    let [input, weight, bias] = depthwise_arguments(2, 3, (4, 6), 8, 3);
    let [input, weight, bias] = [
        input.narrow(0, 1, 2).unwrap().narrow(2, 1, 4).unwrap(),
        weight,
        Tensor::cat(&[&bias, &bias], 0).unwrap().narrow(0, 8, 8).unwrap(),
    ];
    check_depthwise(&[input, weight, bias], 2, Padding::Same, Activation::Linear);

    let [input, weight, bias] = stem_arguments(2, 2, 6, 4);
    let input = input.transpose(2, 3).unwrap();
    check_stem(&[input, turned(&weight), bias], Padding::Same, Activation::Linear);
}

#[test]
fn pointwise_works_on_any_number_of_dimensions() {
    let [input, weight, bias] = pointwise_arguments(4, &[12], 5, 3);
    let expected = pointwise(&[input.clone(), weight.clone(), bias.clone()], Activation::Linear);
    for rows in [&[3, 4][..], &[2, 2, 3], &[1, 2, 3, 2]] {
        let shaped = input.reshape([rows, &[5]].concat()).unwrap();
        let result = pointwise(&[shaped, weight.clone(), bias.clone()], Activation::Linear);
        assert_eq!(result.dims(), [rows, &[3]].concat());
        assert_eq!(bits(&result), bits(&expected));
    }
}

#[test]
fn no_images_give_no_results() {
    let result =
        depthwise(&depthwise_arguments(0, 0, (4, 4), 8, 3), 2, Padding::Same, Activation::Relu6);
    assert_eq!(result.dims(), [0, 2, 2, 8]);
    let result = pointwise(&pointwise_arguments(0, &[0, 4], 8, 3), Activation::Relu6);
    assert_eq!(result.dims(), [0, 4, 3]);
    let result = stem(&stem_arguments(0, 0, 8, 4), Padding::Same, Activation::Relu6);
    assert_eq!(result.dims(), [0, 4, 4, 4]);
}

/// A network whose weights have gone bad must not look like one whose features are zero.
#[test]
fn what_is_not_a_number_stays_so() {
    let poisoned = |[input, weight, bias]: Arguments| {
        let bias = (bias * f64::NAN).unwrap();
        [input, weight, bias]
    };
    for activation in ACTIVATIONS {
        for result in [
            depthwise(
                &poisoned(depthwise_arguments(0, 1, (3, 3), 16, 3)),
                1,
                Padding::Same,
                activation,
            ),
            depthwise(
                &poisoned(depthwise_arguments(0, 1, (3, 3), 5, 5)),
                1,
                Padding::Same,
                activation,
            ),
            pointwise(&poisoned(pointwise_arguments(0, &[4], 3, 5)), activation),
            stem(&poisoned(stem_arguments(0, 1, 4, 5)), Padding::Same, activation),
        ] {
            assert!(values(&result).iter().all(|value| value.is_nan()), "{activation:?}");
        }
    }
}
