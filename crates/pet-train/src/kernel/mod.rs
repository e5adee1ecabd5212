//! Arithmetic on plain slices, channels last, that the candle operations are made of.
//!
//! Channels last (`[batch, height, width, channels]`) lets the depthwise convolution run over channels, which are
//! always many and contiguous, where rows of pixels shrink to seven; and it makes a pointwise convolution one matrix
//! product without any rearrangement.
//!
//! Work is divided among threads by image, or by blocks of a fixed number of rows, never by the number of threads,
//! and sums over blocks are taken in the blocks' order: results do not depend on how many threads there are.

pub(crate) mod activation;
pub(crate) mod axis;
pub(crate) mod depthwise;
pub(crate) mod inverted_residual;
pub(crate) mod matrix;
pub(crate) mod pointwise;
pub(crate) mod stem;

pub use activation::Activation;
pub use axis::{Padding, Window};

/// Channels handled together by one inner loop: two AVX or four SSE registers.
const LANES: usize = 16;

/// Adds up equally long partial results, in their order.
fn sum_in_order(length: usize, partials: impl IntoIterator<Item = Vec<f32>>) -> Vec<f32> {
    let mut total = vec![0.0; length];
    for partial in partials {
        for (sum, value) in total.iter_mut().zip(&partial) {
            *sum += value;
        }
    }
    total
}
