//! 3×3 depthwise convolution with padding 1, channels last.

use std::ops::Range;

use rayon::prelude::*;

use super::{Activation, LANES, sum_in_order};

/// Weights of one channel.
pub(crate) const TAPS: usize = 9;

/// The sizes of a depthwise convolution's input, and its stride.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) height: usize,
    pub(crate) width: usize,
    pub(crate) channels: usize,
    pub(crate) stride: usize,
}

impl Geometry {
    /// Height and width of the result: `⌊(size + 2 · 1 − 3) / stride⌋ + 1`.
    pub(crate) fn output(self) -> (usize, usize) {
        (
            (self.height - 1) / self.stride + 1,
            (self.width - 1) / self.stride + 1,
        )
    }

    pub(crate) fn input_values(self) -> usize {
        self.height * self.width * self.channels
    }

    pub(crate) fn output_values(self) -> usize {
        let (height, width) = self.output();
        height * width * self.channels
    }
}

/// `activation(depthwise(input) + bias)` for `input` `[batch, height, width, channels]`, `weight`
/// `[9, channels]` with taps in row order.
pub(crate) fn forward(
    input: &[f32],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    geometry: Geometry,
) -> Vec<f32> {
    let batch = input.len() / geometry.input_values();
    let mut result = vec![0.0; batch * geometry.output_values()];
    result
        .par_chunks_mut(geometry.output_values())
        .zip(input.par_chunks(geometry.input_values()))
        .for_each(|(result, image)| {
            let rows = Rows {
                values: image,
                first: 0,
            };
            forward_rows(result, rows, weight, bias, activation, geometry, 0);
        });
    result
}

/// Consecutive rows of an image, from row `first`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) first: usize,
}

/// Computes the rows of one image's result from row `from` on, as many as `result` holds.
///
/// `input` has to hold all rows that those need, as far as they lie in the image.
pub(crate) fn forward_rows(
    result: &mut [f32],
    input: Rows<'_>,
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    geometry: Geometry,
    from: usize,
) {
    let Geometry {
        height,
        width,
        channels,
        stride,
    } = geometry;
    let (_, out_width) = geometry.output();
    let zeros = vec![0.0; channels];
    pulp::Arch::new().dispatch(|| {
        for (y, row) in result.chunks_exact_mut(out_width * channels).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let reaches = |at: usize, tap: usize, size: usize| {
                    (at * stride + tap)
                        .checked_sub(1)
                        .filter(|reached| *reached < size)
                };
                let taps = std::array::from_fn(|tap| {
                    let row = reaches(from + y, tap / 3, height);
                    let column = reaches(x, tap % 3, width);
                    let (Some(row), Some(column)) = (row, column) else {
                        return &zeros[..];
                    };
                    let at = ((row - input.first) * width + column) * channels;
                    &input.values[at..at + channels]
                });
                filter_pixel(pixel, taps, weight, bias, activation);
            }
        }
    });
}

/// `pixel = activation(bias + Σ tap · weight)` over nine taps, each as long as `pixel`.
#[inline(always)]
fn filter_pixel(
    pixel: &mut [f32],
    taps: [&[f32]; TAPS],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    if pixel.len().is_multiple_of(LANES) {
        filter_lanes::<LANES>(pixel, taps, weight, bias, activation);
    } else {
        filter_lanes::<1>(pixel, taps, weight, bias, activation);
    }
}

/// [`filter_pixel`] on `WIDTH` channels at a time, whose sums stay in registers.
#[inline(always)]
fn filter_lanes<const WIDTH: usize>(
    pixel: &mut [f32],
    taps: [&[f32]; TAPS],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let channels = pixel.len();
    let (pixel, _) = pixel.as_chunks_mut::<WIDTH>();
    let count = pixel.len();
    // Cutting everything to the same known length lets the compiler drop the checks inside the loop.
    let lanes = |values| &<[f32]>::as_chunks::<WIDTH>(values).0[..count];
    let bias = lanes(bias);
    let taps = taps.map(lanes);
    let weights: [_; TAPS] = std::array::from_fn(|tap| lanes(&weight[tap * channels..]));
    for at in 0..count {
        let mut sums = bias[at];
        for tap in 0..TAPS {
            for lane in 0..WIDTH {
                sums[lane] += taps[tap][at][lane] * weights[tap][at][lane];
            }
        }
        pixel[at] = sums.map(|sum| activation.apply(sum));
    }
}

/// The gradient of the input, from the gradient before the activation.
pub(crate) fn input_gradient(gradient: &[f32], weight: &[f32], geometry: Geometry) -> Vec<f32> {
    let batch = gradient.len() / geometry.output_values();
    let mut result = vec![0.0; batch * geometry.input_values()];
    result
        .par_chunks_mut(geometry.input_values())
        .zip(gradient.par_chunks(geometry.output_values()))
        .for_each(|(result, gradient)| image_input_gradient(result, gradient, weight, geometry));
    result
}

/// [`input_gradient`] of one image, on one thread.
pub(crate) fn image_input_gradient(
    result: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    geometry: Geometry,
) {
    let Geometry {
        width,
        channels,
        stride,
        ..
    } = geometry;
    let (out_height, out_width) = geometry.output();
    let zeros = vec![0.0; channels];
    pulp::Arch::new().dispatch(|| {
        for (y, row) in result.chunks_exact_mut(width * channels).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let taps = std::array::from_fn(|tap| {
                    let out_y = reached_from(y, tap / 3, stride, out_height);
                    let out_x = reached_from(x, tap % 3, stride, out_width);
                    let (Some(out_y), Some(out_x)) = (out_y, out_x) else {
                        return &zeros[..];
                    };
                    let at = (out_y * out_width + out_x) * channels;
                    &gradient[at..at + channels]
                });
                filter_pixel(pixel, taps, weight, &zeros, Activation::Linear);
            }
        }
    });
}

/// The output position that reaches input position `at` through `tap`, if any.
#[inline(always)]
fn reached_from(at: usize, tap: usize, stride: usize, size: usize) -> Option<usize> {
    let shifted = (at + 1).checked_sub(tap)?;
    (shifted.is_multiple_of(stride) && shifted / stride < size).then_some(shifted / stride)
}

/// The gradient of the weight, `[9, channels]`, from the gradient before the activation.
pub(crate) fn weight_gradient(input: &[f32], gradient: &[f32], geometry: Geometry) -> Vec<f32> {
    let partials: Vec<Vec<f32>> = input
        .par_chunks(geometry.input_values())
        .zip(gradient.par_chunks(geometry.output_values()))
        .map(|(image, gradient)| {
            let mut partial = vec![0.0; TAPS * geometry.channels];
            add_image_weight_gradient(&mut partial, image, gradient, geometry);
            partial
        })
        .collect();
    sum_in_order(TAPS * geometry.channels, partials)
}

/// Adds one image's part to a [`weight_gradient`], on one thread.
pub(crate) fn add_image_weight_gradient(
    sums: &mut [f32],
    image: &[f32],
    gradient: &[f32],
    geometry: Geometry,
) {
    pulp::Arch::new().dispatch(|| weight_gradient_image(sums, image, gradient, geometry));
}

/// `sums += left * right`, in registers when all lanes are there.
#[inline(always)]
fn add_product(sums: &mut [f32; LANES], left: &[f32], right: &[f32]) {
    if let (Ok(left), Ok(right)) = (
        <&[f32; LANES]>::try_from(left),
        <&[f32; LANES]>::try_from(right),
    ) {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    } else {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
}

/// The taps along one axis that fall on the image, for output position `at`.
fn taps(at: usize, stride: usize, size: usize) -> Range<usize> {
    let first = usize::from(at == 0);
    let last = (size + 1 - at * stride).min(3);
    first..last
}

/// Adds one image's part, a row of output and a row of taps at a time, so that three sums stay in registers.
#[inline(always)]
fn weight_gradient_image(partial: &mut [f32], image: &[f32], gradient: &[f32], geometry: Geometry) {
    let Geometry {
        height,
        width,
        channels,
        stride,
    } = geometry;
    let (out_height, out_width) = geometry.output();
    for y in 0..out_height {
        for tap_row in taps(y, stride, height) {
            let line = (y * stride + tap_row - 1) * width;
            let mut first = 0;
            while first < channels {
                let lanes = LANES.min(channels - first);
                let mut sums = [[0.0; LANES]; 3];
                for x in 0..out_width {
                    let at = (y * out_width + x) * channels + first;
                    let gradient = &gradient[at..at + lanes];
                    for tap_column in taps(x, stride, width) {
                        let at = (line + x * stride + tap_column - 1) * channels + first;
                        add_product(&mut sums[tap_column], gradient, &image[at..at + lanes]);
                    }
                }
                for (tap_column, sums) in sums.iter().enumerate() {
                    let at = (tap_row * 3 + tap_column) * channels + first;
                    partial[at..at + lanes]
                        .iter_mut()
                        .zip(sums)
                        .for_each(|(total, sum)| *total += sum);
                }
                first += lanes;
            }
        }
    }
}
