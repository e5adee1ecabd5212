//! The pointwise convolution, or linear layer.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::{
    before_activation, bias_gradient, check, gradient_of, matrix, values, with_matrix, with_values,
};
use crate::kernel::{Activation, pointwise as kernel};

/// `activation(input · weight + bias)` over the last dimension.
///
/// `input` is `[.., inputs]`, `weight` `[inputs, outputs]` with any strides (such as the transposed view of a
/// `[outputs, inputs]` tensor), `bias` `[outputs]`; the output is `[.., outputs]`.
///
/// # Errors
///
/// If the shapes do not match or a tensor is not `f32` on the CPU.
///
/// ```
/// use candle_core::{Device, Tensor};
/// use pet_train::{Activation, op::pointwise};
///
/// let input = Tensor::new(&[[1f32, 2.]], &Device::Cpu)?;
/// let weight = Tensor::new(&[[3f32, 0., 1.], [0., 4., 1.]], &Device::Cpu)?;
/// let bias = Tensor::new(&[0f32, 0., -10.], &Device::Cpu)?;
/// let output = pointwise(&input, &weight, &bias, Activation::Relu6)?;
/// assert_eq!(output.to_vec2::<f32>()?, [[3., 6., 0.]]);
/// # Ok::<(), candle_core::Error>(())
/// ```
pub fn pointwise(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    activation: Activation,
) -> Result<Tensor> {
    input.contiguous()?.apply_op3(weight, bias, Pointwise { activation })
}

struct Pointwise {
    activation: Activation,
}

impl CustomOp3 for Pointwise {
    fn name(&self) -> &'static str {
        "pointwise-convolution"
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
        let (inputs, outputs) = weight_layout.shape().dims2()?;
        if inputs * outputs == 0 {
            bail!("a pointwise weight is [inputs, outputs], got {:?}", weight_layout.dims());
        }
        let mut shape = input_layout.dims().to_vec();
        let last = shape.last_mut().map(|last| std::mem::replace(last, outputs));
        check("the input's last dimension", &[inputs], last.as_slice())?;
        check("the bias", &[outputs], bias_layout.dims())?;
        let result = kernel::forward(
            values(input, input_layout, "the input")?,
            matrix(weight, weight_layout)?,
            values(bias, bias_layout, "the bias")?,
            self.activation,
            inputs,
        );
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
        let (inputs, outputs) = weight.dims2()?;
        let gradient = before_activation(self.activation, result, gradient)?;
        let for_input = with_values(&gradient, |gradient| {
            with_matrix(weight, |weight| kernel::input_gradient(gradient, weight, inputs, outputs))
        })??;
        let for_weight = with_values(input, |input| {
            with_values(&gradient, |gradient| {
                kernel::weight_gradient(input, gradient, inputs, outputs)
            })
        })??;
        Ok((
            gradient_of(input, for_input)?,
            gradient_of(weight, for_weight)?,
            bias_gradient(bias, &gradient)?,
        ))
    }
}
