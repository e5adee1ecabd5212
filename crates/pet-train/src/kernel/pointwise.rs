//! 1×1 convolution: with channels last, a matrix product.

use rayon::prelude::*;

use super::matrix::{Matrix, multiply};
use super::{Activation, sum_in_order};

/// Output values per block, which stay in the cache between product and activation.
const BLOCK_VALUES: usize = 64 * 1024;

/// Rows per partial sum of a weight gradient; constant, so that the order of additions is too.
const GRADIENT_ROWS: usize = 4096;

/// `activation(input · weight + bias)` for `input` `[rows, inputs]` and `weight` `[inputs, outputs]`, which can be the
/// transposed view of a `[outputs, inputs]` tensor.
pub(crate) fn forward(
    input: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
    inputs: usize,
) -> Vec<f32> {
    let outputs = bias.len();
    let rows = input.len() / inputs;
    let mut result = vec![0.0; rows * outputs];
    let block = (BLOCK_VALUES / outputs.max(inputs)).clamp(1, rows.max(1));
    let blocks = result.par_chunks_mut(block * outputs).zip(input.par_chunks(block * inputs));
    blocks.for_each(|(result, input)| forward_rows(result, input, weight, bias, activation));
    result
}

/// [`forward`] on one thread.
pub(crate) fn forward_rows(
    result: &mut [f32],
    input: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
) {
    let rows = result.len() / bias.len();
    multiply(Matrix::new(input, rows, weight.rows()), weight, result);
    pulp::Arch::new().dispatch(|| activation.finish(result, bias));
}

/// The gradient of the input: `gradient · weightᵀ`.
pub(crate) fn input_gradient(
    gradient: &[f32],
    weight: Matrix<'_>,
    inputs: usize,
    outputs: usize,
) -> Vec<f32> {
    let rows = gradient.len() / outputs;
    let mut result = vec![0.0; rows * inputs];
    let block = (BLOCK_VALUES / outputs.max(inputs)).clamp(1, rows.max(1));
    let blocks = result.par_chunks_mut(block * inputs).zip(gradient.par_chunks(block * outputs));
    blocks.for_each(|(result, gradient)| {
        let rows = gradient.len() / outputs;
        multiply(Matrix::new(gradient, rows, outputs), weight.transposed(), result);
    });
    result
}

/// The gradient of the weight: `inputᵀ · gradient`, `[inputs, outputs]`.
pub(crate) fn weight_gradient(
    input: &[f32],
    gradient: &[f32],
    inputs: usize,
    outputs: usize,
) -> Vec<f32> {
    let partials: Vec<Vec<f32>> = input
        .par_chunks(GRADIENT_ROWS * inputs)
        .zip(gradient.par_chunks(GRADIENT_ROWS * outputs))
        .map(|(input, gradient)| {
            let rows = input.len() / inputs;
            let mut partial = vec![0.0; inputs * outputs];
            let left = Matrix::new(input, rows, inputs).transposed();
            multiply(left, Matrix::new(gradient, rows, outputs), &mut partial);
            partial
        })
        .collect();
    sum_in_order(inputs * outputs, partials)
}

/// The gradient of the bias: the sum of the rows of `gradient`.
pub(crate) fn bias_gradient(gradient: &[f32], outputs: usize) -> Vec<f32> {
    let partials: Vec<Vec<f32>> = gradient
        .par_chunks(GRADIENT_ROWS * outputs)
        .map(|rows| {
            let mut partial = vec![0.0; outputs];
            add_rows(&mut partial, rows);
            partial
        })
        .collect();
    sum_in_order(outputs, partials)
}

/// Adds every row of `values` to `sums`.
pub(crate) fn add_rows(sums: &mut [f32], values: &[f32]) {
    pulp::Arch::new().dispatch(|| {
        for row in values.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
}
