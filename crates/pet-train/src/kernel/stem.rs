//! The first layer: 3×3 convolution with stride 2, from planes to channels last.

use rayon::prelude::*;

use super::axis::{Axis, Padding};
use super::matrix::{Matrix, add_product, multiply};
use super::{Activation, sum_in_order};

/// Colour planes of the input.
pub(crate) const PLANES: usize = 3;
/// Values of a patch: 3 planes of 3×3 pixels.
pub(crate) const PATCH: usize = PLANES * 9;

/// The axis of the rows and columns of a square input, of positive size.
pub(crate) fn axis(size: usize, padding: Padding) -> Axis {
    Axis::new(size, 3, 2, padding)
}

/// `activation(convolution(input) + bias)` for `input` `[batch, 3, size, size]` and `weight` `[27, outputs]` (plane, row,
/// column), to `[batch, ⌈size / 2⌉, ⌈size / 2⌉, outputs]`.
pub(crate) fn forward(
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
        .for_each(|(result, image)| forward_image(result, image, weight, bias, activation, axis));
    result
}

/// [`forward`] for one image, on one thread.
pub(crate) fn forward_image(
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

/// The gradient of the weight, `[27, outputs]`, from the gradient of the convolution's output.
pub(crate) fn weight_gradient(
    input: &[f32],
    gradient: &[f32],
    outputs: usize,
    axis: Axis,
) -> Vec<f32> {
    let (side, size) = (axis.outputs(), axis.size);
    let partials: Vec<Vec<f32>> = input
        .par_chunks(PLANES * size * size)
        .zip(gradient.par_chunks(side * side * outputs))
        .map(|(image, gradient)| {
            let mut partial = vec![0.0; PATCH * outputs];
            add_image_weight_gradient(&mut partial, image, gradient, axis);
            partial
        })
        .collect();
    sum_in_order(PATCH * outputs, partials)
}

/// Adds the part of one image to a [`weight_gradient`], on one thread.
pub(crate) fn add_image_weight_gradient(
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
