//! The operations of this crate as candle computes them: planes, convolution, planes last.

use candle_core::{Result, Tensor};
use pet_train::Activation;

/// Arguments of an operation: input, weight, bias.
pub(crate) type Arguments = [Tensor; 3];

pub(crate) fn depthwise(
    [input, weight, bias]: &Arguments,
    stride: usize,
    activation: Activation,
) -> Result<Tensor> {
    let channels = bias.elem_count();
    let weight = weight.t()?.reshape((channels, 1, 3, 3))?;
    let planes = planes(input)?.conv2d(&weight, 1, stride, 1, channels)?;
    finish(&planes, bias, activation)
}

pub(crate) fn pointwise(
    [input, weight, bias]: &Arguments,
    activation: Activation,
) -> Result<Tensor> {
    let (inputs, outputs) = weight.dims2()?;
    let weight = weight.t()?.reshape((outputs, inputs, 1, 1))?;
    finish(
        &planes(input)?.conv2d(&weight, 0, 1, 1, 1)?,
        bias,
        activation,
    )
}

pub(crate) fn stem([input, weight, bias]: &Arguments, activation: Activation) -> Result<Tensor> {
    let weight = weight.t()?.reshape((bias.elem_count(), 3, 3, 3))?;
    finish(&input.conv2d(&weight, 1, 2, 1, 1)?, bias, activation)
}

fn planes(channels_last: &Tensor) -> Result<Tensor> {
    channels_last.permute((0, 3, 1, 2))?.contiguous()
}

fn finish(planes: &Tensor, bias: &Tensor, activation: Activation) -> Result<Tensor> {
    let sum = planes
        .permute((0, 2, 3, 1))?
        .broadcast_add(bias)?
        .contiguous()?;
    match activation {
        Activation::Linear => Ok(sum),
        Activation::Relu6 => sum.clamp(0f32, 6f32),
    }
}
