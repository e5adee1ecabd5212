//! Convolutions over all channels, which are matrix products: the first layer, 3×3 with stride 2 from planes to channels
//! last, and the pointwise ones, 1×1.

use rayon::prelude::*;

use super::Activation;
use super::axis::{Axis, Padding};
use super::matrix::{Matrix, add_product, multiply};

/// Colour planes of the first layer's input.
pub(crate) const PLANES: usize = 3;
/// Values of a patch: 3 planes of 3×3 pixels.
const PATCH: usize = PLANES * 9;
/// Output values per block, which stay in the cache between product and activation.
const BLOCK_VALUES: usize = 64 * 1024;

/// The axis of the rows and columns of a square input, of positive size.
pub(crate) fn stem_axis(size: usize, padding: Padding) -> Axis {
    Axis::new(size, 3, 2, padding)
}

/// `activation(convolution(input) + bias)` for `input` `[batch, 3, size, size]` and `weight` `[27, outputs]` (plane, row,
/// column), to `[batch, ⌈size / 2⌉, ⌈size / 2⌉, outputs]`.
pub(crate) fn stem(
    input: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
    axis: Axis,
) -> Vec<f32> {
    let (outputs, side, size) = (bias.len(), axis.outputs(), axis.size);
    let batch = input.len() / (PLANES * size * size);
    let mut result = vec![0.0; batch * side * side * outputs];
    result
        .par_chunks_mut(side * side * outputs)
        .zip(input.par_chunks(PLANES * size * size))
        .for_each(|(result, image)| stem_image(result, image, weight, bias, activation, axis));
    result
}

/// [`stem`] for one image, on one thread.
pub(crate) fn stem_image(
    result: &mut [f32],
    image: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
    axis: Axis,
) {
    let side = axis.outputs();
    let mut patches = vec![0.0; side * PATCH];
    for (y, row) in result.chunks_exact_mut(side * bias.len()).enumerate() {
        gather_row(&mut patches, image, y, axis);
        multiply(Matrix::new(&patches, side, PATCH), weight, row);
        pulp::Arch::new().dispatch(|| activation.finish(row, bias));
    }
}

/// Adds the gradient of the first layer's weight, `[27, outputs]`, to `sums`, from one image and the gradient of the
/// convolution's output.
pub(crate) fn add_stem_weight_gradient(
    sums: &mut [f32],
    image: &[f32],
    gradient: &[f32],
    axis: Axis,
) {
    let side = axis.outputs();
    let outputs = sums.len() / PATCH;
    let mut patches = vec![0.0; side * PATCH];
    for (y, gradient) in gradient.chunks_exact(side * outputs).enumerate() {
        gather_row(&mut patches, image, y, axis);
        let patches = Matrix::new(&patches, side, PATCH).transposed();
        add_product(patches, Matrix::new(gradient, side, outputs), sums);
    }
}

/// Copies the patch of each output pixel of row `y` to a row of `patches`, zero outside the image (im2col).
fn gather_row(patches: &mut [f32], image: &[f32], y: usize, axis: Axis) {
    let size = axis.size;
    patches.fill(0.0);
    for plane in 0..PLANES {
        for tap_row in 0..axis.window {
            let Some(row) = axis.input(y, tap_row) else {
                continue;
            };
            let row = &image[(plane * size + row) * size..][..size];
            let at = (plane * axis.window + tap_row) * axis.window;
            for (x, patch) in patches.chunks_exact_mut(PATCH).enumerate() {
                let (taps, seen) = (axis.taps(x), axis.inputs(x..x + 1));
                patch[at + taps.start..at + taps.end].copy_from_slice(&row[seen]);
            }
        }
    }
}

/// `activation(input · weight + bias)` for `input` `[rows, inputs]` and `weight` `[inputs, outputs]`.
pub(crate) fn pointwise(
    input: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
) -> Vec<f32> {
    let (inputs, outputs) = (weight.rows(), bias.len());
    let rows = input.len() / inputs;
    let mut result = vec![0.0; rows * outputs];
    let block = (BLOCK_VALUES / outputs.max(inputs)).clamp(1, rows.max(1));
    let blocks = result.par_chunks_mut(block * outputs).zip(input.par_chunks(block * inputs));
    blocks.for_each(|(result, input)| pointwise_rows(result, input, weight, bias, activation));
    result
}

/// [`pointwise`] on one thread.
pub(crate) fn pointwise_rows(
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

/// Adds the gradient of a pointwise weight, `inputᵀ · gradient`, to `sums`.
pub(crate) fn add_pointwise_weight_gradient(
    sums: &mut [f32],
    input: &[f32],
    gradient: &[f32],
    outputs: usize,
) {
    let rows = gradient.len() / outputs;
    let input = Matrix::new(input, rows, sums.len() / outputs).transposed();
    add_product(input, Matrix::new(gradient, rows, outputs), sums);
}

/// The gradient of a pointwise layer's input: `gradient · weightᵀ`.
pub(crate) fn pointwise_input_gradient(result: &mut [f32], gradient: &[f32], weight: Matrix<'_>) {
    let outputs = weight.columns();
    let gradient = Matrix::new(gradient, gradient.len() / outputs, outputs);
    multiply(gradient, weight.transposed(), result);
}

/// Adds every row of `values` to `sums`.
pub(crate) fn add_rows(sums: &mut [f32], values: &[f32]) {
    pulp::Arch::new().dispatch(|| {
        for row in values.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
}
