//! The first convolution of a network.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor, bail};

use super::{before_activation, bias_gradient, check, gradient_of, matrix, values, with_values};
use crate::kernel::axis::Axis;
use crate::kernel::stem::{self as kernel, PATCH, PLANES};
use crate::kernel::{Activation, Padding};

/// `activation(convolution(input) + bias)` with a 3×3 window and stride 2, from planes to channels last.
///
/// `input` is `[batch, 3, size, size]`, `weight` `[27, outputs]` (plane, row, column) with any strides, `bias`
/// `[outputs]`; the output is `[batch, ⌈size / 2⌉, ⌈size / 2⌉, outputs]`. The input gets no gradient.
///
/// # Errors
///
/// If the shapes do not match or a tensor is not `f32` on the CPU.
pub fn stem(
    input: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
    padding: Padding,
    activation: Activation,
) -> Result<Tensor> {
    let operation = Stem { padding, activation };
    input.contiguous()?.apply_op3(weight, bias, operation)
}

struct Stem {
    padding: Padding,
    activation: Activation,
}

impl Stem {
    /// The axis of rows and columns of a square image with three planes.
    fn axis(&self, input: &[usize]) -> Result<Axis> {
        match *input {
            [_, PLANES, height, width] if height == width && height > 0 => {
                Ok(kernel::axis(height, self.padding))
            }
            _ => bail!("the network's input is [batch, 3, size, size], got {input:?}"),
        }
    }
}

impl CustomOp3 for Stem {
    fn name(&self) -> &'static str {
        "stem-convolution"
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
        let axis = self.axis(input_layout.dims())?;
        let outputs = bias_layout.shape().dims1()?;
        check("the weight", &[PATCH, outputs], weight_layout.dims())?;
        if outputs == 0 {
            bail!("a stem weight is [{PATCH}, outputs], got {:?}", weight_layout.dims());
        }
        let result = kernel::forward(
            values(input, input_layout, "the input")?,
            matrix(weight, weight_layout)?,
            values(bias, bias_layout, "the bias")?,
            self.activation,
            axis,
        );
        let side = axis.outputs();
        Ok((CpuStorage::F32(result), (input_layout.dims()[0], side, side, outputs).into()))
    }

    fn bwd(
        &self,
        input: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        result: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let (axis, outputs) = (self.axis(input.dims())?, bias.dims1()?);
        let gradient = before_activation(self.activation, result, gradient)?;
        let for_weight = with_values(input, |input| {
            with_values(&gradient, |gradient| {
                kernel::weight_gradient(input, gradient, outputs, axis)
            })
        })??;
        Ok((None, gradient_of(weight, for_weight)?, bias_gradient(bias, &gradient)?))
    }
}
