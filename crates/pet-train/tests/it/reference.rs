//! The operations of this crate as candle computes them: planes, convolution, planes last.

use candle_core::{Result, Tensor};
use pet_train::{Activation, Padding};

/// Arguments of an operation: input, weight, bias.
pub(crate) type Arguments = [Tensor; 3];

pub(crate) fn depthwise(
    [input, weight, bias]: &Arguments,
    stride: usize,
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    let channels = bias.elem_count();
    let window = weight.dims()[0].isqrt();
    let weight = weight.t()?.reshape((channels, 1, window, window))?;
    let padded = pad(planes(input)?, window, stride, padding)?;
    let planes = padded.conv2d(&weight, 0, stride, 1, channels)?;
    finish(&planes, bias, activation)
}

pub(crate) fn pointwise(
    [input, weight, bias]: &Arguments,
    activation: Activation,
) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let weight = weight.t()?.reshape((outputs, inputs, 1, 1))?;
    finish(&planes(input)?.conv2d(&weight, 0, 1, 1, 1)?, bias, activation)
}

pub(crate) fn stem(
    [input, weight, bias]: &Arguments,
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    let weight = weight.t()?.reshape((bias.elem_count(), 3, 3, 3))?;
    let padded = pad(input.clone(), 3, 2, padding)?;
    finish(&padded.conv2d(&weight, 0, 2, 1, 1)?, bias, activation)
}

/// Planes with zeros around them.
fn pad(planes: Tensor, window: usize, stride: usize, padding: Padding) -> Result<Tensor> {
    [2, 3].into_iter().try_fold(planes, |planes, axis| {
        let [before, after] = padding.around(planes.dim(axis)?, window, stride);
        planes.pad_with_zeros(axis, before, after)
    })
}

fn planes(channels_last: &Tensor) -> Result<Tensor> {
    channels_last.permute((0, 3, 1, 2))?.contiguous()
}

fn finish(planes: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    let sum = planes.permute((0, 2, 3, 1))?.broadcast_add(bias)?.contiguous()?;
    match activation {
        Activation::Linear => Ok(sum),
        Activation::Relu6 => sum.clamp(0f32, 6f32),
    }
}
