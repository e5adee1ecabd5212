//! Backward passes against finite differences, candle's own autograd and PyTorch.

use candle_core::{Device, Result, Tensor, Var};
use pet_train::{Activation, Padding, op};

use crate::convolution::PADDINGS;
use crate::golden::{Golden, assert_close, noise, values};
use crate::reference::{self, Arguments};

const NAMES: [&str; 3] = ["input", "weight", "bias"];

fn depthwise(stride: usize, padding: Padding) -> impl Fn(&Arguments, Activation) -> Result<Tensor> {
    move |[input, weight, bias], activation| {
        op::depthwise(input, weight, bias, stride, padding, activation)
    }
}

fn pointwise([input, weight, bias]: &Arguments, activation: Activation) -> Result<Tensor> {
    op::pointwise(input, weight, bias, activation)
}

fn stem(padding: Padding) -> impl Fn(&Arguments, Activation) -> Result<Tensor> {
    move |[input, weight, bias], activation| op::stem(input, weight, bias, padding, activation)
}

/// Noise of these shapes, the bias in the middle of the activation's rising part.
fn arguments(input: &[usize], weight: &[usize]) -> Arguments {
    let outputs = weight[weight.len() - 1];
    let bias = (noise(3, &[outputs]) + 2.5).unwrap();
    [(noise(1, input) * 2.0).unwrap(), (noise(2, weight) * 2.0).unwrap(), bias]
}

/// The gradients of `Σ upstream · operation(arguments)`, where there are any.
fn gradients(
    operation: impl Fn(&Arguments) -> Result<Tensor>,
    arguments: &Arguments,
    upstream: &Tensor,
) -> [Option<Tensor>; 3] {
    let variables = arguments.each_ref().map(|tensor| Var::from_tensor(tensor).unwrap());
    let tensors = variables.each_ref().map(|variable| variable.as_tensor().clone());
    let loss = operation(&tensors).unwrap().mul(upstream).unwrap().sum_all().unwrap();
    let store = loss.backward().unwrap();
    variables.each_ref().map(|variable| store.get(variable).cloned())
}

/// Upstream gradients, zero wherever the result lies so close to a bend of the activation that a finite
/// difference would step over it.
fn upstream_away_from_bends(
    operation: &impl Fn(&Arguments, Activation) -> Result<Tensor>,
    arguments: &Arguments,
    activation: Activation,
) -> Tensor {
    let before = operation(arguments, Activation::Linear).unwrap();
    let upstream = noise(99, before.dims());
    if activation == Activation::Linear {
        return upstream;
    }
    let near = |value: &f32| value.abs() < MARGIN || (value - 6.0).abs() < MARGIN;
    let mask: Vec<f32> = values(&before).iter().map(|v| f32::from(u8::from(!near(v)))).collect();
    assert!(mask.iter().sum::<f32>() > 0.3 * mask.len() as f32, "enough results have to count");
    let mask = Tensor::from_vec(mask, before.shape(), &Device::Cpu).unwrap();
    upstream.mul(&mask).unwrap()
}

/// Far enough that rounding does not matter, as the functions are straight between bends.
const STEP: f32 = 0.0625;

/// More than a step of one argument can move a result: the other factor is at most 2.
const MARGIN: f32 = 0.2;

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

/// Compares the gradients of the arguments that have one with finite differences.
#[track_caller]
fn check_against_differences(
    operation: impl Fn(&Arguments, Activation) -> Result<Tensor>,
    arguments: &Arguments,
    has_gradient: [bool; 3],
) {
    for activation in [Activation::Linear, Activation::Relu6] {
        let upstream = upstream_away_from_bends(&operation, arguments, activation);
        let run = |arguments: &Arguments| operation(arguments, activation);
        let got = gradients(run, arguments, &upstream);
        for place in 0..3 {
            assert_eq!(got[place].is_some(), has_gradient[place], "{}", NAMES[place]);
            let Some(got) = &got[place] else { continue };
            let expected = differences(&arguments[place], |changed| {
                let mut arguments = arguments.clone();
                arguments[place] = changed;
                let result = values(&run(&arguments).unwrap());
                let pairs = result.iter().zip(values(&upstream));
                pairs.map(|(result, upstream)| f64::from(*result) * f64::from(upstream)).sum()
            });
            let what = format!("gradient of the {}, {activation:?}", NAMES[place]);
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
                    check_against_differences(depthwise(stride, padding), &arguments, [true; 3]);
                }
            }
        }
    }
}

#[test]
fn pointwise_gradients_equal_differences() {
    for (inputs, outputs) in [(1, 1), (3, 5), (6, 2)] {
        let arguments = arguments(&[2, 2, 3, inputs], &[inputs, outputs]);
        check_against_differences(pointwise, &arguments, [true; 3]);
    }
}

/// The input of the first layer is data: it has no gradient.
#[test]
fn stem_gradients_equal_differences() {
    for size in [1, 4, 5] {
        let arguments = arguments(&[2, 3, size, size], &[27, 2]);
        for padding in PADDINGS {
            check_against_differences(stem(padding), &arguments, [false, true, true]);
        }
    }
}

/// Compares with candle's backward pass through its own convolution.
#[track_caller]
fn check_against_candle(
    what: &str,
    ours: impl Fn(&Arguments) -> Result<Tensor>,
    theirs: impl Fn(&Arguments) -> Result<Tensor>,
    arguments: &Arguments,
) {
    let upstream = noise(98, ours(arguments).unwrap().dims());
    let got = gradients(&ours, arguments, &upstream);
    let expected = gradients(&theirs, arguments, &upstream);
    let pairs = got.iter().zip(&expected).zip(NAMES);
    for ((got, expected), name) in pairs.filter(|((got, _), _)| got.is_some()) {
        let (got, expected) = (got.as_ref().unwrap(), expected.as_ref().unwrap());
        assert_close(&format!("{what}: gradient of the {name}"), got, expected, 1e-3);
    }
}

#[test]
fn depthwise_gradients_equal_candles() {
    for stride in [1, 2] {
        for (size, channels) in [(3, 1), (7, 5), (8, 16), (9, 33), (6, 40)] {
            for (taps, padding) in [9, 25].into_iter().zip(PADDINGS) {
                let arguments = arguments(&[3, size, size, channels], &[taps, channels]);
                let what = format!("depthwise, size {size}, {channels} channels, stride {stride}");
                check_against_candle(
                    &what,
                    |arguments| depthwise(stride, padding)(arguments, Activation::Relu6),
                    |arguments| reference::depthwise(arguments, stride, padding, Activation::Relu6),
                    &arguments,
                );
            }
        }
    }
}

#[test]
fn pointwise_gradients_equal_candles_over_several_blocks() {
    // 4,096 rows make one partial sum of a weight's gradient.
    for rows in [7, 4096, 5000] {
        check_against_candle(
            &format!("pointwise, {rows} rows"),
            |arguments| pointwise(arguments, Activation::Relu6),
            |arguments| reference::pointwise(arguments, Activation::Relu6),
            &arguments(&[1, rows, 1, 3], &[3, 2]),
        );
    }
}

#[test]
fn stem_gradients_equal_candles() {
    for size in [6, 9] {
        for padding in PADDINGS {
            check_against_candle(
                &format!("stem, size {size}, {padding:?}"),
                |arguments| stem(padding)(arguments, Activation::Relu6),
                |arguments| reference::stem(arguments, padding, Activation::Relu6),
                &arguments(&[2, 3, size, size], &[27, 5]),
            );
        }
    }
}

/// Gradients flow back through turned and cut views to the tensors they are views of.
#[test]
fn gradients_flow_through_views() {
    let [input, weight, bias] = arguments(&[2, 4, 3, 5], &[5, 6]);
    let turned =
        [input.t().unwrap(), weight.t().unwrap(), bias].map(|tensor| tensor.contiguous().unwrap());
    let turn =
        |[input, weight, bias]: &Arguments| [input.t().unwrap(), weight.t().unwrap(), bias.clone()];
    check_against_candle(
        "turned pointwise",
        |arguments| pointwise(&turn(arguments), Activation::Relu6),
        |arguments| reference::pointwise(&turn(arguments), Activation::Relu6),
        &turned,
    );
    let cut = |[input, weight, bias]: &Arguments| {
        [input.narrow(2, 1, 3).unwrap(), weight.clone(), bias.clone()]
    };
    check_against_candle(
        "cut depthwise",
        |arguments| depthwise(1, Padding::Same)(&cut(arguments), Activation::Relu6),
        |arguments| reference::depthwise(&cut(arguments), 1, Padding::Same, Activation::Relu6),
        &arguments(&[2, 3, 5, 4], &[9, 4]),
    );
}

#[test]
fn relu6_is_flat_at_and_outside_its_bends() {
    let before = [-1.0, 0.0, 0.5, 3.0, 5.5, 6.0, 7.0];
    let slopes = [0.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.0];
    let pixels = Tensor::new(&before, &Device::Cpu).unwrap().to_dtype(candle_core::DType::F32);
    let pixels = pixels.unwrap().reshape((7, 1, 1, 1)).unwrap();
    let upstream = Tensor::full(2f32, (7, 1, 1, 1), &Device::Cpu).unwrap();
    let bias = Tensor::new(&[0f32], &Device::Cpu).unwrap();
    let one = Tensor::new(&[[1f32]], &Device::Cpu).unwrap();
    let middle = Tensor::new(&[0f32, 0., 0., 0., 1., 0., 0., 0., 0.], &Device::Cpu).unwrap();
    let middle = middle.reshape((9, 1)).unwrap();
    let expected = slopes.map(|slope| 2.0 * slope);

    let run = |arguments: &Arguments| pointwise(arguments, Activation::Relu6);
    let [through, ..] = gradients(run, &[pixels.clone(), one, bias.clone()], &upstream);
    assert_eq!(values(&through.unwrap()), expected, "pointwise");

    let run = |arguments: &Arguments| depthwise(1, Padding::Centered)(arguments, Activation::Relu6);
    let [through, ..] = gradients(run, &[pixels, middle, bias], &upstream);
    assert_eq!(values(&through.unwrap()), expected, "depthwise");
}

/// PyTorch's numbers were computed in double precision.
#[test]
fn results_and_gradients_equal_pytorchs() {
    let golden = Golden::open("gradients.safetensors");
    let check = |case: &str, operation: &dyn Fn(&Arguments, Activation) -> Result<Tensor>| {
        let get = |part: &str| golden.get(&format!("{case}.{part}"));
        let arguments = NAMES.map(|name| get(name).clone());
        let run = |arguments: &Arguments| operation(arguments, Activation::Relu6);
        let what = format!("{case}: result");
        assert_close(&what, &run(&arguments).unwrap(), get("result"), 1e-5);
        let got = gradients(run, &arguments, get("upstream"));
        for (got, name) in got.iter().zip(NAMES) {
            let what = format!("{case}: gradient of the {name}");
            match got {
                Some(got) => assert_close(&what, got, get(&format!("{name}_gradient")), 2e-5),
                None => assert!(case.starts_with("stem") && name == "input", "{what} is missing"),
            }
        }
    };
    for (name, stride, padding) in [
        ("depthwise_stride_1", 1, Padding::Centered),
        ("depthwise_stride_2", 2, Padding::Centered),
        ("depthwise_same_odd", 2, Padding::Same),
        ("depthwise_same_even", 2, Padding::Same),
    ] {
        check(name, &depthwise(stride, padding));
    }
    check("pointwise", &pointwise);
    check("stem", &stem(Padding::Centered));
    check("stem_same", &stem(Padding::Same));
}
