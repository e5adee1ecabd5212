//! The kernels against candle's own convolutions, finite differences and PyTorch, whose numbers
//! `tests/golden/make_golden.py` wrote.

mod convolution;
mod gradient;

use candle_core::{Device, Result, Tensor};

use super::axis::{Padding, Window};
use super::depthwise::{self, Geometry, Rows};
use super::matrix::Matrix;
use super::{Activation, dense};

/// Arguments of an operation: input, weight, bias.
pub(crate) type Arguments = [Tensor; 3];

const NAMES: [&str; 3] = ["input", "weight", "bias"];
const PADDINGS: [Padding; 2] = [Padding::Centered, Padding::Same];
const ACTIVATIONS: [Activation; 2] = [Activation::Linear, Activation::Relu6];

/// A kind of convolution, on batches.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operation {
    Stem(Padding),
    Pointwise,
    /// With its stride.
    Depthwise(usize, Padding),
}

impl Operation {
    pub(crate) fn forward(
        self,
        [input, weight, bias]: &Arguments,
        activation: Activation,
    ) -> Tensor {
        let mut shape = input.dims().to_vec();
        let [input, kernel, bias] = [input, weight, bias].map(values);
        let outputs = bias.len();
        let matrix = Matrix::new(&kernel, kernel.len() / outputs, outputs);
        let result = match self {
            Self::Stem(padding) => {
                let axis = dense::stem_axis(shape[2], padding);
                shape = vec![shape[0], axis.outputs(), axis.outputs(), outputs];
                dense::stem(&input, matrix, &bias, activation, axis)
            }
            Self::Pointwise => {
                shape[3] = outputs;
                dense::pointwise(&input, matrix, &bias, activation)
            }
            Self::Depthwise(stride, padding) => {
                let geometry = geometry(&shape, weight, stride, padding);
                let (height, width) = geometry.output();
                let image_values = input.len() / shape[0];
                shape = vec![shape[0], height, width, outputs];
                let mut result = vec![0.0; shape.iter().product()];
                let images = result.chunks_exact_mut(height * width * outputs);
                for (result, values) in images.zip(input.chunks_exact(image_values)) {
                    let rows = Rows { values, first: 0 };
                    depthwise::forward_rows(result, rows, &kernel, &bias, activation, geometry, 0);
                }
                result
            }
        };
        Tensor::from_vec(result, shape, &Device::Cpu).unwrap()
    }

    /// The gradients of `Σ upstream · result`, image by image. The input of the first layer has none.
    fn gradients(
        self,
        [input, weight, bias]: &Arguments,
        result: &Tensor,
        upstream: &Tensor,
        activation: Activation,
    ) -> [Option<Tensor>; 3] {
        let (batch, outputs) = (input.dims()[0], bias.elem_count());
        let (inputs, kernel, mut upstream) = (values(input), values(weight), values(upstream));
        activation.backward(&values(result), &mut upstream);
        let mut for_input = vec![0.0; inputs.len()];
        let mut for_weight = vec![0.0; kernel.len()];
        let mut for_bias = vec![0.0; outputs];
        dense::add_rows(&mut for_bias, &upstream);
        let images = inputs.chunks_exact(inputs.len() / batch);
        let images = images.zip(for_input.chunks_exact_mut(inputs.len() / batch));
        for ((image, for_image), gradient) in
            images.zip(upstream.chunks_exact(upstream.len() / batch))
        {
            match self {
                Self::Stem(padding) => {
                    let axis = dense::stem_axis(input.dims()[2], padding);
                    dense::add_stem_weight_gradient(&mut for_weight, image, gradient, axis);
                }
                Self::Pointwise => {
                    let matrix = Matrix::new(&kernel, kernel.len() / outputs, outputs);
                    dense::add_pointwise_weight_gradient(&mut for_weight, image, gradient, outputs);
                    dense::pointwise_input_gradient(for_image, gradient, matrix);
                }
                Self::Depthwise(stride, padding) => {
                    let geometry = geometry(input.dims(), weight, stride, padding);
                    depthwise::add_weight_gradient(&mut for_weight, image, gradient, geometry);
                    depthwise::input_gradient(for_image, gradient, &kernel, geometry);
                }
            }
        }
        let like = |values, tensor: &Tensor| {
            Some(Tensor::from_vec(values, tensor.shape(), &Device::Cpu).unwrap())
        };
        let for_input = like(for_input, input).filter(|_| !matches!(self, Self::Stem(_)));
        [for_input, like(for_weight, weight), like(for_bias, bias)]
    }

    /// The operation as candle computes it: planes, convolution, planes last.
    pub(crate) fn reference(
        self,
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        activation: Activation,
    ) -> Result<Tensor> {
        let outputs = bias.elem_count();
        let planes = |input: &Tensor| input.permute((0, 3, 1, 2))?.contiguous();
        let weight = weight.t()?;
        let result = match self {
            Self::Stem(padding) => {
                let weight = weight.reshape((outputs, 3, 3, 3))?;
                pad(input.clone(), 3, 2, padding)?.conv2d(&weight, 0, 2, 1, 1)?
            }
            Self::Pointwise => {
                let weight = weight.reshape((outputs, (), 1, 1))?;
                planes(input)?.conv2d(&weight, 0, 1, 1, 1)?
            }
            Self::Depthwise(stride, padding) => {
                let window = weight.dims()[1].isqrt();
                let weight = weight.reshape((outputs, 1, window, window))?;
                let padded = pad(planes(input)?, window, stride, padding)?;
                padded.conv2d(&weight, 0, stride, 1, outputs)?
            }
        };
        let sum = result.permute((0, 2, 3, 1))?.broadcast_add(bias)?.contiguous()?;
        match activation {
            Activation::Linear => Ok(sum),
            Activation::Relu6 => sum.clamp(0f32, 6f32),
        }
    }
}

fn geometry(input: &[usize], weight: &Tensor, stride: usize, padding: Padding) -> Geometry {
    let window = if weight.dims()[0] == 25 { Window::Five } else { Window::Three };
    Geometry::new([input[1], input[2]], input[3], window, stride, padding)
}

/// Planes with zeros around them.
fn pad(planes: Tensor, window: usize, stride: usize, padding: Padding) -> Result<Tensor> {
    [2, 3].into_iter().try_fold(planes, |planes, axis| {
        let [before, after] = padding.around(planes.dim(axis)?, window, stride);
        planes.pad_with_zeros(axis, before, after)
    })
}

/// Numbers in [-1, 1) without a pattern.
pub(crate) fn noise(seed: u32, count: usize) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Noise times `scale` plus `shift`.
fn noisy(seed: u32, shape: &[usize], scale: f64, shift: f64) -> Tensor {
    let tensor = Tensor::from_vec(noise(seed, shape.iter().product()), shape, &Device::Cpu);
    tensor.unwrap().affine(scale, shift).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Fails unless the shapes agree and no value differs by more than `tolerance`.
#[track_caller]
fn assert_close(what: &str, got: &Tensor, expected: &Tensor, tolerance: f32) {
    assert_eq!(got.dims(), expected.dims(), "shape of {what}");
    for (at, (got, expected)) in values(got).into_iter().zip(values(expected)).enumerate() {
        let close = (got - expected).abs() <= tolerance;
        assert!(close, "{what}: value {at} is {got}, expected {expected} within {tolerance}");
    }
}
