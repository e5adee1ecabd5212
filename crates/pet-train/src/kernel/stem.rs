//! The network's first layer: 3×3 convolution, stride 2, padding 1, from planes to channels last.

use rayon::prelude::*;

use super::matrix::{Matrix, add_product, multiply};
use super::{Activation, sum_in_order};

/// Colour planes of the input.
pub(crate) const PLANES: usize = 3;
/// Inputs of one output pixel: 3 planes of 3×3 pixels.
pub(crate) const PATCH: usize = PLANES * 9;

/// Side of the result for a square input.
pub(crate) fn output_size(size: usize) -> usize {
    (size - 1) / 2 + 1
}

/// `activation(convolution(input) + bias)` for `input` `[batch, 3, size, size]` and `weight` `[27, outputs]` in the
/// order plane, row, column; the result is `[batch, size / 2, size / 2, outputs]`.
pub(crate) fn forward(
    input: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
    size: usize,
) -> Vec<f32> {
    let (outputs, side) = (bias.len(), output_size(size));
    let batch = input.len() / (PLANES * size * size);
    let mut result = vec![0.0; batch * side * side * outputs];
    result
        .par_chunks_mut(side * side * outputs)
        .zip(input.par_chunks(PLANES * size * size))
        .for_each(|(result, image)| forward_image(result, image, weight, bias, activation, size));
    result
}

/// [`forward`] on one image, on one thread.
pub(crate) fn forward_image(
    result: &mut [f32],
    image: &[f32],
    weight: Matrix<'_>,
    bias: &[f32],
    activation: Activation,
    size: usize,
) {
    let side = output_size(size);
    let mut patches = vec![0.0; side * PATCH];
    for (y, row) in result.chunks_exact_mut(side * bias.len()).enumerate() {
        gather_row(&mut patches, image, y, size);
        multiply(Matrix::new(&patches, side, PATCH), weight, row);
        pulp::Arch::new().dispatch(|| activation.finish(row, bias));
    }
}

/// The gradient of the weight, `[27, outputs]`, from the gradient before the activation.
pub(crate) fn weight_gradient(
    input: &[f32],
    gradient: &[f32],
    outputs: usize,
    size: usize,
) -> Vec<f32> {
    let side = output_size(size);
    let partials: Vec<Vec<f32>> = input
        .par_chunks(PLANES * size * size)
        .zip(gradient.par_chunks(side * side * outputs))
        .map(|(image, gradient)| {
            let mut partial = vec![0.0; PATCH * outputs];
            add_image_weight_gradient(&mut partial, image, gradient, size);
            partial
        })
        .collect();
    sum_in_order(PATCH * outputs, partials)
}

/// Adds one image's part to a [`weight_gradient`], on one thread.
pub(crate) fn add_image_weight_gradient(
    sums: &mut [f32],
    image: &[f32],
    gradient: &[f32],
    size: usize,
) {
    let side = output_size(size);
    let outputs = sums.len() / PATCH;
    let mut patches = vec![0.0; side * PATCH];
    for (y, gradient) in gradient.chunks_exact(side * outputs).enumerate() {
        gather_row(&mut patches, image, y, size);
        let patches = Matrix::new(&patches, side, PATCH).transposed();
        add_product(patches, Matrix::new(gradient, side, outputs), sums);
    }
}

/// Copies the patch under each output pixel of row `y` to a row of `patches`; zeros stand outside the image.
fn gather_row(patches: &mut [f32], image: &[f32], y: usize, size: usize) {
    patches.fill(0.0);
    for plane in 0..PLANES {
        for tap_row in 0..3 {
            let row = match (2 * y + tap_row).checked_sub(1) {
                Some(row) if row < size => &image[(plane * size + row) * size..][..size],
                _ => continue,
            };
            let at = (plane * 3 + tap_row) * 3;
            for (x, patch) in patches.chunks_exact_mut(PATCH).enumerate() {
                let first = (2 * x).saturating_sub(1);
                let last = (2 * x + 2).min(size);
                // The first patch starts left of the image, at tap 1.
                let at = at + usize::from(x == 0);
                patch[at..at + last - first].copy_from_slice(&row[first..last]);
            }
        }
    }
}
