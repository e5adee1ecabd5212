//! Arithmetic on slices in channels-last layout, the basis of the candle operations and of training.
//!
//! With channels last (`[batch, height, width, channels]`), the depthwise convolution vectorizes over channels, which
//! are always many, while rows shrink to seven pixels; and a pointwise convolution is one matrix product.
//!
//! Results do not depend on the number of threads: work is divided by image or into blocks of fixed size, and sums over
//! blocks are taken in order.

pub(crate) mod activation;
pub(crate) mod axis;
pub(crate) mod depthwise;
pub(crate) mod inverted_residual;
pub(crate) mod matrix;
pub(crate) mod pointwise;
pub(crate) mod stem;

pub use activation::Activation;
pub use axis::{Padding, Window};

/// Channels per inner loop: two AVX or four SSE registers.
const LANES: usize = 16;

/// Adds up partial results of equal length in order.
fn sum_in_order(length: usize, partials: impl IntoIterator<Item = Vec<f32>>) -> Vec<f32> {
    let mut total = vec![0.0; length];
    for partial in partials {
        for (sum, value) in total.iter_mut().zip(&partial) {
            *sum += value;
        }
    }
    total
}
