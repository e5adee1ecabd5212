//! What the operations answer to tensors that do not fit.

use candle_core::{DType, Device, Result, Tensor};
use pet_train::{Activation, Padding, op};

use crate::convolution::{depthwise_arguments, pointwise_arguments, stem_arguments};
use crate::reference::Arguments;

fn zeros(shape: &[usize]) -> Tensor {
    Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap()
}

/// Fails unless the operation was refused with a message that contains `expected`.
#[track_caller]
fn assert_refused(result: Result<Tensor>, expected: &str) {
    let message = result.map(|tensor| format!("a tensor {:?}", tensor.shape()));
    let message = message.unwrap_err().to_string();
    assert!(message.contains(expected), "`{message}` does not contain `{expected}`");
}

#[test]
fn depthwise_refuses_what_does_not_fit() {
    let run = |input: &[usize], weight: &[usize], bias: &[usize], stride| {
        let [input, weight, bias] = [zeros(input), zeros(weight), zeros(bias)];
        op::depthwise(&input, &weight, &bias, stride, Padding::Centered, Activation::Linear)
    };
    assert_refused(
        run(&[1, 4, 4, 8], &[9, 7], &[8], 1),
        "weight has shape [9, 7], expected [9, 8]",
    );
    assert_refused(
        run(&[1, 4, 4, 8], &[8, 9], &[8], 1),
        "weight has shape [8, 9], expected [9, 8]",
    );
    assert_refused(run(&[1, 4, 4, 8], &[72], &[8], 1), "weight has shape [72], expected [9, 8]");
    assert_refused(run(&[1, 4, 4, 8], &[9, 8], &[7], 1), "bias has shape [7], expected [8]");
    assert_refused(run(&[1, 4, 4, 8], &[9, 8], &[8, 1], 1), "bias has shape [8, 1], expected [8]");
    assert_refused(run(&[4, 4, 8], &[9, 8], &[8], 1), "got [4, 4, 8]");
    assert_refused(run(&[1, 0, 4, 8], &[9, 8], &[8], 1), "got [1, 0, 4, 8]");
    assert_refused(run(&[1, 4, 4, 0], &[9, 0], &[0], 1), "got [1, 4, 4, 0]");
    assert_refused(run(&[1, 4, 4, 8], &[9, 8], &[8], 0), "stride");
}

#[test]
fn pointwise_refuses_what_does_not_fit() {
    let run = |input: &[usize], weight: &[usize], bias: &[usize]| {
        op::pointwise(&zeros(input), &zeros(weight), &zeros(bias), Activation::Linear)
    };
    assert_refused(run(&[2, 3], &[4, 5], &[5]), "shape [3], expected [4]");
    assert_refused(run(&[2, 4], &[4, 5], &[4]), "bias has shape [4], expected [5]");
    assert_refused(run(&[2, 4], &[4, 5], &[5, 1]), "bias has shape [5, 1], expected [5]");
    assert_refused(run(&[2, 4], &[4, 5, 1], &[5]), "[4, 5, 1]");
    assert_refused(run(&[], &[4, 5], &[5]), "expected [4]");
    assert_refused(run(&[2, 0], &[0, 5], &[5]), "[0, 5]");
    assert_refused(run(&[2, 4], &[4, 0], &[0]), "[4, 0]");
}

#[test]
fn stem_refuses_what_does_not_fit() {
    let run = |input: &[usize], weight: &[usize], bias: &[usize]| {
        op::stem(&zeros(input), &zeros(weight), &zeros(bias), Padding::Centered, Activation::Linear)
    };
    assert_refused(run(&[1, 3, 8, 6], &[27, 4], &[4]), "got [1, 3, 8, 6]");
    assert_refused(run(&[1, 4, 8, 8], &[27, 4], &[4]), "got [1, 4, 8, 8]");
    assert_refused(run(&[3, 8, 8], &[27, 4], &[4]), "got [3, 8, 8]");
    assert_refused(run(&[1, 3, 0, 0], &[27, 4], &[4]), "got [1, 3, 0, 0]");
    assert_refused(
        run(&[1, 3, 8, 8], &[26, 4], &[4]),
        "weight has shape [26, 4], expected [27, 4]",
    );
    assert_refused(
        run(&[1, 3, 8, 8], &[27, 4], &[5]),
        "weight has shape [27, 4], expected [27, 5]",
    );
    assert_refused(run(&[1, 3, 8, 8], &[27, 0], &[0]), "[27, 0]");
}

#[test]
fn other_types_are_refused() {
    let double =
        |arguments: Arguments| arguments.map(|tensor| tensor.to_dtype(DType::F64).unwrap());
    let [input, weight, bias] = double(depthwise_arguments(0, 1, (3, 3), 4, 5));
    assert_refused(
        op::depthwise(&input, &weight, &bias, 1, Padding::Same, Activation::Linear),
        "F64",
    );
    let [input, weight, bias] = double(pointwise_arguments(0, &[2], 3, 4));
    assert_refused(op::pointwise(&input, &weight, &bias, Activation::Linear), "F64");
    let [input, weight, bias] = double(stem_arguments(0, 1, 4, 4));
    assert_refused(op::stem(&input, &weight, &bias, Padding::Same, Activation::Linear), "F64");
}
