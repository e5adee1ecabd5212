//! Arithmetic on slices in channels-last layout, for the frozen and the trained network.
//!
//! With channels last (`[batch, height, width, channels]`), the depthwise convolution vectorizes over channels, which
//! are always many, while rows shrink to seven pixels; and a pointwise convolution is one matrix product.
//!
//! Results do not depend on the number of threads: work is divided by image or into blocks of fixed size.

pub(crate) mod axis;
pub(crate) mod dense;
pub(crate) mod depthwise;
pub(crate) mod inverted_residual;
pub(crate) mod matrix;
#[cfg(test)]
pub(crate) mod tests;

use serde::{Deserialize, Serialize};

pub use axis::{Padding, Window};

/// The upper bound of `ReLU6`.
const CEILING: f32 = 6.0;

/// The function applied to a convolution's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Activation {
    /// The identity.
    Linear,
    /// `min(max(x, 0), 6)` (Sandler et al. 2018, section 3.1).
    Relu6,
}

impl Activation {
    /// Evaluates the function.
    #[inline(always)]
    pub(crate) fn apply(self, value: f32) -> f32 {
        match self {
            Self::Linear => value,
            // Unlike `max` and `min`, this keeps NaN, so that bad weights are noticed.
            Self::Relu6 => value.clamp(0.0, CEILING),
        }
    }

    /// Adds `bias` to every row of `values` and applies the function, in place.
    #[inline(always)]
    pub(crate) fn finish(self, values: &mut [f32], bias: &[f32]) {
        for row in values.chunks_exact_mut(bias.len()) {
            for (value, bias) in row.iter_mut().zip(bias) {
                *value = self.apply(*value + bias);
            }
        }
    }

    /// Replaces the gradient of the result by the gradient of the input. At 0 and 6 the derivative is 0, as in PyTorch.
    pub(crate) fn backward(self, result: &[f32], gradient: &mut [f32]) {
        if self == Self::Linear {
            return;
        }
        pulp::Arch::new().dispatch(|| {
            for (gradient, value) in gradient.iter_mut().zip(result) {
                let rising = *value > 0.0 && *value < CEILING;
                *gradient = if rising { *gradient } else { 0.0 };
            }
        });
    }
}
