//! The inverted residual block with frozen weights.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor};

use super::{check, values};
use crate::kernel::inverted_residual::InvertedResidual;

/// Computes a block for `input` `[batch, height, width, inputs]`, without a gradient.
pub(crate) fn inverted_residual(input: &Tensor, block: &InvertedResidual) -> Result<Tensor> {
    input.contiguous()?.apply_op1_no_bwd(&Frozen(block))
}

struct Frozen<'a>(&'a InvertedResidual);

impl CustomOp1 for Frozen<'_> {
    fn name(&self) -> &'static str {
        "frozen-inverted-residual"
    }

    fn cpu_fwd(&self, input: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let (batch, height, width, channels) = layout.shape().dims4()?;
        check("the channels of a block's input", &[self.0.inputs()], &[channels])?;
        let result = self.0.forward(values(input, layout, "the input")?, height, width);
        let (out_height, out_width) = self.0.geometry(height, width).output();
        Ok((CpuStorage::F32(result), (batch, out_height, out_width, self.0.outputs()).into()))
    }
}
