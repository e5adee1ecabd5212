//! Depthwise convolution with a 3×3 or 5×5 window, channels last.

use super::Activation;
use super::axis::{Axis, Padding, Window};

/// Channels per inner loop: two AVX or four SSE registers.
const LANES: usize = 16;

/// The shapes of a depthwise convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    pub(crate) rows: Axis,
    pub(crate) columns: Axis,
    pub(crate) channels: usize,
    pub(crate) window: Window,
}

impl Geometry {
    /// For an input of `[height, width]`, both positive.
    pub(crate) fn new(
        [height, width]: [usize; 2],
        channels: usize,
        window: Window,
        stride: usize,
        padding: Padding,
    ) -> Self {
        let axis = |size| Axis::new(size, window.side(), stride, padding);
        Self { rows: axis(height), columns: axis(width), channels, window }
    }

    /// Height and width of the output.
    pub(crate) fn output(self) -> (usize, usize) {
        (self.rows.outputs(), self.columns.outputs())
    }
}

/// Consecutive rows of an image, from row `first`.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) values: &'a [f32],
    pub(crate) first: usize,
}

/// Computes rows of `activation(depthwise(input) + bias)` for one image, from row `from` on, as many as `result` holds.
/// `input` must have all rows of the image that they depend on, and `weight` is `[taps, channels]`, taps row by row.
pub(crate) fn forward_rows(
    result: &mut [f32],
    input: Rows<'_>,
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    geometry: Geometry,
    from: usize,
) {
    let run = match geometry.window {
        Window::Three => filter_rows::<3, 9>,
        Window::Five => filter_rows::<5, 25>,
    };
    run(result, input, weight, bias, activation, geometry, from);
}

/// [`forward_rows`] with a window of side `SIDE`.
fn filter_rows<const SIDE: usize, const TAPS: usize>(
    result: &mut [f32],
    input: Rows<'_>,
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
    geometry: Geometry,
    from: usize,
) {
    let Geometry { rows, columns, channels, .. } = geometry;
    let zeros = vec![0.0; channels];
    pulp::Arch::new().dispatch(|| {
        let row_values = columns.outputs() * channels;
        for (y, row) in result.chunks_exact_mut(row_values).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let taps: [&[f32]; TAPS] = std::array::from_fn(|tap| {
                    let row = rows.input(from + y, tap / SIDE);
                    let column = columns.input(x, tap % SIDE);
                    let (Some(row), Some(column)) = (row, column) else {
                        return &zeros[..];
                    };
                    let at = ((row - input.first) * columns.size + column) * channels;
                    &input.values[at..at + channels]
                });
                filter_pixel(pixel, taps, weight, bias, activation);
            }
        }
    });
}

/// `pixel = activation(bias + Σ tap · weight)` over the taps, each as long as `pixel`.
#[inline(always)]
fn filter_pixel<const TAPS: usize>(
    pixel: &mut [f32],
    taps: [&[f32]; TAPS],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    if pixel.len().is_multiple_of(LANES) {
        filter_lanes::<LANES, TAPS>(pixel, taps, weight, bias, activation);
    } else {
        filter_lanes::<1, TAPS>(pixel, taps, weight, bias, activation);
    }
}

/// [`filter_pixel`] for `WIDTH` channels at a time, with sums in registers.
#[inline(always)]
fn filter_lanes<const WIDTH: usize, const TAPS: usize>(
    pixel: &mut [f32],
    taps: [&[f32]; TAPS],
    weight: &[f32],
    bias: &[f32],
    activation: Activation,
) {
    let channels = pixel.len();
    let (pixel, _) = pixel.as_chunks_mut::<WIDTH>();
    let count = pixel.len();
    // With equal lengths the compiler omits bounds checks in the loop.
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

/// The gradient of one image of the input, from the gradient of the convolution's output.
pub(crate) fn input_gradient(
    result: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    geometry: Geometry,
) {
    let run = match geometry.window {
        Window::Three => spread_rows::<3, 9>,
        Window::Five => spread_rows::<5, 25>,
    };
    run(result, gradient, weight, geometry);
}

/// [`input_gradient`] with a window of side `SIDE`.
fn spread_rows<const SIDE: usize, const TAPS: usize>(
    result: &mut [f32],
    gradient: &[f32],
    weight: &[f32],
    geometry: Geometry,
) {
    let Geometry { rows, columns, channels, .. } = geometry;
    let zeros = vec![0.0; channels];
    pulp::Arch::new().dispatch(|| {
        let row_values = columns.size * channels;
        for (y, row) in result.chunks_exact_mut(row_values).enumerate() {
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                let taps: [&[f32]; TAPS] = std::array::from_fn(|tap| {
                    let row = rows.output(y, tap / SIDE);
                    let column = columns.output(x, tap % SIDE);
                    let (Some(row), Some(column)) = (row, column) else {
                        return &zeros[..];
                    };
                    let at = (row * columns.outputs() + column) * channels;
                    &gradient[at..at + channels]
                });
                filter_pixel(pixel, taps, weight, &zeros, Activation::Linear);
            }
        }
    });
}

/// Adds the gradient of the weight, `[taps, channels]`, to `sums`, from one image and the gradient of the convolution's
/// output.
pub(crate) fn add_weight_gradient(
    sums: &mut [f32],
    image: &[f32],
    gradient: &[f32],
    geometry: Geometry,
) {
    pulp::Arch::new().dispatch(|| match geometry.window {
        Window::Three => add_row_by_row::<3>(sums, image, gradient, geometry),
        Window::Five => add_row_by_row::<5>(sums, image, gradient, geometry),
    });
}

/// `sums += left * right`, in registers for full lanes.
#[inline(always)]
fn add_product(sums: &mut [f32; LANES], left: &[f32], right: &[f32]) {
    if let (Ok(left), Ok(right)) =
        (<&[f32; LANES]>::try_from(left), <&[f32; LANES]>::try_from(right))
    {
        for lane in 0..LANES {
            sums[lane] += left[lane] * right[lane];
        }
    } else {
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
}

/// [`add_weight_gradient`], one row of output and of taps at a time, so that the sums stay in registers.
#[inline(always)]
fn add_row_by_row<const SIDE: usize>(
    partial: &mut [f32],
    image: &[f32],
    gradient: &[f32],
    geometry: Geometry,
) {
    let Geometry { rows, columns, channels, .. } = geometry;
    let (out_height, out_width) = geometry.output();
    for y in 0..out_height {
        for tap_row in rows.taps(y) {
            let line = (y * rows.stride + tap_row - rows.before) * columns.size;
            let mut first = 0;
            while first < channels {
                let lanes = LANES.min(channels - first);
                let mut sums = [[0.0; LANES]; SIDE];
                for x in 0..out_width {
                    let at = (y * out_width + x) * channels + first;
                    let gradient = &gradient[at..at + lanes];
                    let start = line + x * columns.stride;
                    for tap_column in columns.taps(x) {
                        let at = (start + tap_column - columns.before) * channels + first;
                        add_product(&mut sums[tap_column], gradient, &image[at..at + lanes]);
                    }
                }
                for (tap_column, sums) in sums.iter().enumerate() {
                    let at = (tap_row * SIDE + tap_column) * channels + first;
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
