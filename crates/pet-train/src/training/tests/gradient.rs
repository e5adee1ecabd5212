use candle_core::{Device, Tensor, Var};
use candle_nn::loss::cross_entropy;

use super::support::CLASSES;
use crate::architecture::{Architecture, Block, Convolution, Layer};
use crate::kernel::tests::Operation;
use crate::training::batch::Example;
use crate::training::gradient::Steps;
use crate::training::layout::{Layout, TrainedLayer};
use crate::training::loss::Target;
use crate::training::network::Network;
use crate::{Activation, Configuration, Weights};

const SIZE: usize = 48;

fn weights(network: &'static Architecture) -> Weights {
    let head = Tensor::randn(0f32, 0.05, (CLASSES, 1280), &Device::Cpu).unwrap();
    let bias = Tensor::zeros(CLASSES, candle_core::DType::F32, &Device::Cpu).unwrap();
    let weights = Weights::random_of(network, 3).unwrap();
    weights.with_head(head, bias)
}

/// A smooth picture, another for each image.
fn inputs(images: usize) -> Vec<f32> {
    let count = images * 3 * SIZE * SIZE;
    (0..count).map(|at| (at as f32 * 0.37).sin()).collect()
}

/// The mean gradient over images with classes 0, 1, ...
fn ours(layout: &Layout, values: &[f32], inputs: &[f32], images: usize) -> Vec<f32> {
    let network = Network::new(layout, 3 * SIZE * SIZE).unwrap();
    let folded = layout.fold(values);
    let batch: Vec<Example<'_>> = inputs
        .chunks_exact(3 * SIZE * SIZE)
        .take(images)
        .enumerate()
        .map(|(class, input)| Example {
            input,
            target: Target { class, mixed: None },
            soft_target: None,
            mask: None,
        })
        .collect();
    let mut gradient = vec![0.0; values.len()];
    let mut steps = Steps::new(&network, layout, &Configuration::default());
    steps.gradient(&folded, &batch, &mut gradient);
    gradient
}

/// One variable for each folded weight and bias, and the same network of candle's convolutions.
struct Reference {
    network: &'static Architecture,
    variables: Vec<(Var, Var)>,
}

impl Reference {
    fn new(network: &'static Architecture, layout: &Layout, values: &[f32]) -> Self {
        let folded = layout.fold(values);
        let variable = |range: &std::ops::Range<usize>, shape: &[usize]| {
            let tensor = Tensor::from_slice(&folded[range.clone()], shape, &Device::Cpu).unwrap();
            Var::from_tensor(&tensor).unwrap()
        };
        let layer = |layer: &TrainedLayer| {
            let outputs = layer.layer.outputs;
            let rows = layer.weight.len() / outputs;
            (variable(&layer.weight, &[rows, outputs]), variable(&layer.shift, &[outputs]))
        };
        let mut variables: Vec<_> = layout.layers().map(layer).collect();
        variables.push((
            variable(&layout.head_weight, &[1280, CLASSES]),
            variable(&layout.head_bias, &[CLASSES]),
        ));
        Self { network, variables }
    }

    fn loss(&self, images: &Tensor, labels: &Tensor) -> candle_core::Result<Tensor> {
        let mut variables = self.variables.iter();
        let mut next = || variables.next().unwrap();
        let mut output = images.clone();
        for Block { layers, residual, .. } in &self.network.blocks {
            let mut inner = output.clone();
            for layer in layers {
                let (weight, bias) = next();
                inner = convolve(layer, &inner, weight, bias)?;
            }
            output = if *residual { (output + inner)? } else { inner };
        }
        let (weight, bias) = next();
        let features = output.mean((1, 2))?;
        let logits = features.matmul(weight)?.broadcast_add(bias)?;
        cross_entropy(&logits, labels)
    }
}

/// candle's convolution with the kernels' own sums. candle adds in another order, and where that moves one activation across
/// a bend, the gradients of all layers before it differ.
fn convolve(
    layer: &Layer,
    input: &Tensor,
    weight: &Var,
    bias: &Var,
) -> candle_core::Result<Tensor> {
    let operation = match layer.convolution {
        Convolution::Stem => Operation::Stem(layer.padding),
        Convolution::Pointwise => Operation::Pointwise,
        Convolution::Depthwise { stride, .. } => Operation::Depthwise(stride, layer.padding),
    };
    let sums = operation.reference(input, weight, bias, Activation::Linear)?;
    let arguments = [input.clone(), weight.as_tensor().clone(), bias.as_tensor().clone()];
    let ours = operation.forward(&arguments, Activation::Linear);
    let sums = (&sums + (ours - &sums)?.detach())?;
    match layer.activation {
        Activation::Linear => Ok(sums),
        Activation::Relu6 => sums.clamp(0f32, 6f32),
    }
}

#[test]
fn it_equals_that_of_candles_autograd() {
    for name in ["mobilenet_v2", "efficientnet_lite0"] {
        equals_autograd(Architecture::named(name).unwrap());
    }
}

fn equals_autograd(network: &'static Architecture) {
    let weights = weights(network);
    let layout = Layout::new(&weights, 0, CLASSES).unwrap();
    let values = layout.gather(&weights).unwrap();
    let inputs = inputs(3);
    let gradient = ours(&layout, &values, &inputs, 3);
    let reference = Reference::new(network, &layout, &values);
    let images = Tensor::from_slice(&inputs, (3, 3, SIZE, SIZE), &Device::Cpu).unwrap();
    let labels = Tensor::new(&[0u32, 1, 2], &Device::Cpu).unwrap();
    let store = reference.loss(&images, &labels).unwrap().backward().unwrap();
    let mut ranges: Vec<_> =
        layout.layers().map(|layer| (layer.weight.clone(), layer.shift.clone())).collect();
    ranges.push((layout.head_weight.clone(), layout.head_bias.clone()));
    for ((weight, bias), (weight_range, bias_range)) in reference.variables.iter().zip(ranges) {
        for (variable, range) in [(weight, weight_range), (bias, bias_range)] {
            let expected = store.get(variable).unwrap().flatten_all().unwrap();
            assert_close(&expected.to_vec1().unwrap(), &gradient[range]);
        }
    }
}

/// Equal up to the rounding of sums taken in another order.
fn assert_close(expected: &[f32], got: &[f32]) {
    let largest = expected.iter().fold(0f32, |most, value| most.max(value.abs()));
    for (expected, got) in expected.iter().zip(got) {
        assert!((expected - got).abs() <= 2e-3 * largest + 1e-7, "{expected} {got} of {largest}");
    }
}

/// W = w · γ / σ and b = β − μ · γ / σ, differentiated by hand for `loss = Σ u · W + Σ v · b`.
#[test]
fn the_chain_rule_of_folding_is_the_slope() {
    let weights = weights(Architecture::standard());
    let layout = Layout::new(&weights, 17, CLASSES).unwrap();
    let values = layout.gather(&weights).unwrap();
    let upstream: Vec<f32> = (0..values.len()).map(|at| (at as f32 * 0.7).cos()).collect();
    let mut gradient = upstream.clone();
    layout.unfold_gradient(&values, &mut gradient);
    let used = |layer: &TrainedLayer, at: usize| !layer.scale.contains(&at);
    let loss = |values: &[f32]| -> f64 {
        let folded = layout.fold(values);
        let places = (0..values.len()).filter(|at| layout.layers().all(|layer| used(layer, *at)));
        places.map(|at| f64::from(folded[at]) * f64::from(upstream[at])).sum()
    };
    for layer in layout.layers() {
        for at in [layer.weight.start + 5, layer.scale.start + 3, layer.shift.start + 2] {
            let shifted = |step: f32| {
                let mut values = values.clone();
                values[at] += step;
                loss(&values)
            };
            let slope = (shifted(0.125) - shifted(-0.125)) / 0.25;
            let got = f64::from(gradient[at]);
            assert!((slope - got).abs() < 1e-3 * (1.0 + slope.abs()), "{at}: {slope} {got}");
        }
    }
}
