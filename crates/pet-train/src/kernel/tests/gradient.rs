//! Gradients against finite differences, candle's autograd and PyTorch.

use std::collections::HashMap;

use candle_core::{Device, Tensor, Var};

use super::{ACTIVATIONS, Arguments, NAMES, Operation, PADDINGS, assert_close, noisy, values};
use crate::{Activation, Padding};

/// Far enough that rounding does not matter, as the functions are straight between bends.
const STEP: f32 = 0.0625;

/// More than a step of one argument can move a result: the other factor is at most 2.
const MARGIN: f32 = 0.2;

/// Noise of these shapes, the bias in the middle of the activation's rising part.
fn arguments(input: &[usize], weight: &[usize]) -> Arguments {
    let bias = noisy(3, &weight[1..], 1.0, 2.5);
    [noisy(1, input, 2.0, 0.0), noisy(2, weight, 2.0, 0.0), bias]
}

/// Upstream gradients, zero wherever the result lies so close to a bend of the activation that a finite difference
/// would step over it.
fn upstream_away_from_bends(before: &Tensor, activation: Activation) -> Tensor {
    let upstream = noisy(99, before.dims(), 1.0, 0.0);
    if activation == Activation::Linear {
        return upstream;
    }
    let near = |value: &f32| value.abs() < MARGIN || (value - 6.0).abs() < MARGIN;
    let mask: Vec<f32> = values(before).iter().map(|v| f32::from(u8::from(!near(v)))).collect();
    assert!(mask.iter().sum::<f32>() > 0.3 * mask.len() as f32, "enough results have to count");
    let mask = Tensor::from_vec(mask, before.shape(), &Device::Cpu).unwrap();
    upstream.mul(&mask).unwrap()
}

/// Central differences of `loss` along every element of `at`.
fn differences(at: &Tensor, loss: impl Fn(Tensor) -> f64) -> Tensor {
    let start = values(at);
    let loss_with = |index: usize, step: f32| {
        let mut values = start.clone();
        values[index] += step;
        loss(Tensor::from_vec(values, at.shape(), at.device()).unwrap())
    };
    let slope = |index| {
        let difference = loss_with(index, STEP) - loss_with(index, -STEP);
        (difference / f64::from(2.0 * STEP)) as f32
    };
    let slopes: Vec<f32> = (0..start.len()).map(slope).collect();
    Tensor::from_vec(slopes, at.shape(), at.device()).unwrap()
}

#[track_caller]
fn check_against_differences(operation: Operation, arguments: &Arguments) {
    let before = operation.forward(arguments, Activation::Linear);
    for activation in ACTIVATIONS {
        let upstream = upstream_away_from_bends(&before, activation);
        let result = operation.forward(arguments, activation);
        let got = operation.gradients(arguments, &result, &upstream, activation);
        for place in 0..3 {
            let Some(got) = &got[place] else { continue };
            let expected = differences(&arguments[place], |changed| {
                let mut arguments = arguments.clone();
                arguments[place] = changed;
                let result = values(&operation.forward(&arguments, activation));
                let pairs = result.iter().zip(values(&upstream));
                pairs.map(|(result, upstream)| f64::from(*result) * f64::from(upstream)).sum()
            });
            let what = format!("{operation:?}: gradient of the {}, {activation:?}", NAMES[place]);
            assert_close(&what, got, &expected, 2e-3);
        }
    }
}

#[test]
fn depthwise_gradients_equal_differences() {
    for stride in [1, 2, 3] {
        for [height, width, channels] in [[1, 1, 2], [2, 3, 1], [5, 4, 3], [3, 3, 17]] {
            for padding in PADDINGS {
                for taps in [9, 25] {
                    let arguments = arguments(&[2, height, width, channels], &[taps, channels]);
                    check_against_differences(Operation::Depthwise(stride, padding), &arguments);
                }
            }
        }
    }
}

#[test]
fn pointwise_gradients_equal_differences() {
    for (inputs, outputs) in [(1, 1), (3, 5), (6, 2)] {
        let arguments = arguments(&[2, 2, 3, inputs], &[inputs, outputs]);
        check_against_differences(Operation::Pointwise, &arguments);
    }
}

#[test]
fn stem_gradients_equal_differences() {
    for size in [1, 4, 5] {
        let arguments = arguments(&[2, 3, size, size], &[27, 2]);
        for padding in PADDINGS {
            check_against_differences(Operation::Stem(padding), &arguments);
        }
    }
}

/// Compares with candle's backward pass through its own convolution.
#[track_caller]
fn check_against_candle(operation: Operation, arguments: &Arguments) {
    let activation = Activation::Relu6;
    let result = operation.forward(arguments, activation);
    let upstream = noisy(98, result.dims(), 1.0, 0.0);
    let got = operation.gradients(arguments, &result, &upstream, activation);
    let variables = arguments.each_ref().map(|tensor| Var::from_tensor(tensor).unwrap());
    let [input, weight, bias] = variables.each_ref().map(Var::as_tensor);
    let result = operation.reference(input, weight, bias, activation).unwrap();
    let store = result.mul(&upstream).unwrap().sum_all().unwrap().backward().unwrap();
    for ((got, variable), name) in got.iter().zip(&variables).zip(NAMES) {
        let Some(got) = got else { continue };
        let what = format!("{operation:?} of {:?}: gradient of the {name}", input.shape());
        assert_close(&what, got, store.get(variable).unwrap(), 1e-3);
    }
}

#[test]
fn depthwise_gradients_equal_candles() {
    for stride in [1, 2] {
        for (size, channels) in [(3, 1), (7, 5), (8, 16), (9, 33), (6, 40)] {
            for (taps, padding) in [9, 25].into_iter().zip(PADDINGS) {
                let arguments = arguments(&[3, size, size, channels], &[taps, channels]);
                check_against_candle(Operation::Depthwise(stride, padding), &arguments);
            }
        }
    }
}

#[test]
fn pointwise_gradients_equal_candles() {
    for rows in [7, 5000] {
        check_against_candle(Operation::Pointwise, &arguments(&[1, rows, 1, 3], &[3, 2]));
    }
}

#[test]
fn stem_gradients_equal_candles() {
    for size in [6, 9] {
        for padding in PADDINGS {
            let arguments = arguments(&[2, 3, size, size], &[27, 5]);
            check_against_candle(Operation::Stem(padding), &arguments);
        }
    }
}

#[test]
fn relu6_is_flat_at_and_outside_its_bends() {
    let result = [0.0, 0.0, 0.5, 3.0, 5.5, 6.0, 6.0];
    let slopes = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
    let mut gradient = [2.0; 7];
    Activation::Relu6.backward(&result, &mut gradient);
    assert_eq!(gradient.map(f32::to_bits), slopes.map(|slope| (2.0_f32 * slope).to_bits()));
}

/// PyTorch's numbers were computed in double precision.
#[test]
fn results_and_gradients_equal_pytorchs() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/gradients.safetensors");
    let golden: HashMap<String, Tensor> =
        candle_core::safetensors::load(file, &Device::Cpu).unwrap();
    for (case, operation) in [
        ("depthwise_stride_1", Operation::Depthwise(1, Padding::Centered)),
        ("depthwise_stride_2", Operation::Depthwise(2, Padding::Centered)),
        ("depthwise_same_odd", Operation::Depthwise(2, Padding::Same)),
        ("depthwise_same_even", Operation::Depthwise(2, Padding::Same)),
        ("pointwise", Operation::Pointwise),
        ("stem", Operation::Stem(Padding::Centered)),
        ("stem_same", Operation::Stem(Padding::Same)),
    ] {
        let get = |part: &str| &golden[&format!("{case}.{part}")];
        let arguments = NAMES.map(|name| get(name).clone());
        let result = operation.forward(&arguments, Activation::Relu6);
        assert_close(&format!("{case}: result"), &result, get("result"), 1e-5);
        let got = operation.gradients(&arguments, &result, get("upstream"), Activation::Relu6);
        for (got, name) in got.iter().zip(NAMES) {
            let what = format!("{case}: gradient of the {name}");
            match got {
                Some(got) => assert_close(&what, got, get(&format!("{name}_gradient")), 2e-5),
                None => assert!(case.starts_with("stem") && name == "input", "{what} is missing"),
            }
        }
    }
}
