//! The depthwise convolution.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::{before_activation, bias_gradient, check, gradient_of, values, with_values};
use crate::kernel::depthwise::{self as kernel, Geometry};
use crate::kernel::{Activation, Padding, Window};

/// `activation(depthwise(input) + bias)` with a window of 3×3 or 5×5.
///
/// `input` is `[batch, height, width, channels]`, `weight` `[9, channels]` or `[25, channels]` (the window row by row),
/// `bias` `[channels]`, `stride` at least 1; the output is `[batch, ⌈height / stride⌉, ⌈width / stride⌉, channels]`.
///
/// # Errors
///
/// If the shapes do not match or a tensor is not `f32` on the CPU.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use pet_train::{Activation, Padding, op::depthwise};
///
/// let input = Tensor::ones((1, 4, 4, 8), DType::F32, &Device::Cpu)?;
/// let weight = Tensor::ones((9, 8), DType::F32, &Device::Cpu)?;
/// let bias = Tensor::zeros(8, DType::F32, &Device::Cpu)?;
/// let output = depthwise(&input, &weight, &bias, 2, Padding::Centered, Activation::Linear)?;
/// assert_eq!(output.dims(), [1, 2, 2, 8]);
/// assert_eq!(output.flatten_all()?.to_vec1::<f32>()?[0], 4.0); // a corner sees four pixels
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn depthwise(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    stride: usize,
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    if stride == 0 {
        bail!("the stride of a convolution must be at least 1");
    }
    let operation = Depthwise { window: window(weight), stride, padding, activation };
    input.contiguous()?.apply_op3(weight, bias, operation)
}

/// The window of a weight. Other shapes are rejected by the operation.
fn window(weight: &Tensor) -> Window {
    let taps = weight.dims().first();
    if taps == Some(&Window::Five.taps()) { Window::Five } else { Window::Three }
}

struct Depthwise {
    window: Window,
    stride: usize,
    padding: Padding,
    activation: Activation,
}

impl Depthwise {
    fn geometry(&self, input: &[usize]) -> Result<Geometry> {
        match *input {
            [_, height, width, channels] if height * width * channels > 0 => {
                Ok(Geometry::new([height, width], channels, self.window, self.stride, self.padding))
            }
            _ => bail!("a depthwise input is [batch, height, width, channels], got {input:?}"),
        }
    }
}

impl CustomOp3 for Depthwise {
    fn name(&self) -> &'static str {
        "depthwise-convolution"
    }

    fn cpu_fwd(
        &self,
        input: &CpuStorage,
        input_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let geometry = self.geometry(input_layout.dims())?;
        check("the weight", &[self.window.taps(), geometry.channels], weight_layout.dims())?;
        check("the bias", &[geometry.channels], bias_layout.dims())?;
        let result = kernel::forward(
            values(input, input_layout, "the input")?,
            values(weight, weight_layout, "the weight")?,
            values(bias, bias_layout, "the bias")?,
            self.activation,
            geometry,
        );
        let (height, width) = geometry.output();
        let shape = (input_layout.dims()[0], height, width, geometry.channels);
        Ok((CpuStorage::F32(result), shape.into()))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let geometry = self.geometry(input.dims())?;
        let gradient = before_activation(self.activation, result, gradient)?;
        let for_input = with_values(&gradient, |gradient| {
            with_values(weight, |weight| kernel::input_gradient(gradient, weight, geometry))
        })??;
        let for_weight = with_values(input, |input| {
            with_values(&gradient, |gradient| kernel::weight_gradient(input, gradient, geometry))
        })??;
        Ok((
            gradient_of(input, for_input)?,
            gradient_of(weight, for_weight)?,
            bias_gradient(bias, &gradient)?,
        ))
    }
}
