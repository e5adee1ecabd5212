//! An inverted residual block of the frozen network, computed a few rows at a time.
//!
//! The expanded activations are six times as large as the block's input and only needed by the next layer. They are
//! computed in strips of a few rows, which stay in the core's cache.

use std::ops::Range;

use rayon::prelude::*;

use super::axis::{Padding, Window};
use super::depthwise::{self, Geometry, Rows};
use super::matrix::Matrix;
use super::{Activation, dense};

/// Expanded values of a strip: half of a typical second-level cache.
const STRIP_VALUES: usize = 64 * 1024;

/// A pointwise layer with `weight` `[inputs, outputs]`.
#[derive(Clone)]
pub(crate) struct Pointwise {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) activation: Activation,
}

/// A depthwise layer with `weight` `[taps, channels]`.
#[derive(Clone)]
pub(crate) struct Depthwise {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) activation: Activation,
    pub(crate) window: Window,
    pub(crate) stride: usize,
    pub(crate) padding: Padding,
}

/// Expansion, depthwise convolution, projection and skip connection.
#[derive(Clone)]
pub(crate) struct InvertedResidual {
    pub(crate) expand: Option<Pointwise>,
    pub(crate) filter: Depthwise,
    pub(crate) project: Pointwise,
    pub(crate) residual: bool,
}

impl Pointwise {
    /// The weight as a matrix.
    pub(crate) fn matrix(&self) -> Matrix<'_> {
        let outputs = self.bias.len();
        Matrix::new(&self.weight, self.weight.len() / outputs, outputs)
    }

    fn run(&self, result: &mut [f32], input: &[f32]) {
        dense::pointwise_rows(result, input, self.matrix(), &self.bias, self.activation);
    }
}

impl InvertedResidual {
    /// Channels of the block's input.
    pub(crate) fn inputs(&self) -> usize {
        let hidden = self.filter.bias.len();
        self.expand.as_ref().map_or(hidden, |expand| expand.weight.len() / hidden)
    }

    /// Channels of the block's output.
    pub(crate) fn outputs(&self) -> usize {
        self.project.bias.len()
    }

    /// The shapes of the depthwise layer for an input of `height` × `width`.
    pub(crate) fn geometry(&self, height: usize, width: usize) -> Geometry {
        let Depthwise { window, stride, padding, .. } = self.filter;
        let channels = self.filter.bias.len();
        Geometry::new([height, width], channels, window, stride, padding)
    }

    /// Computes the block for `input` `[batch, height, width, inputs]`, one image per thread.
    pub(crate) fn forward(&self, input: &[f32], height: usize, width: usize) -> Vec<f32> {
        let geometry = self.geometry(height, width);
        let (out_height, out_width) = geometry.output();
        let input_values = height * width * self.inputs();
        let output_values = out_height * out_width * self.outputs();
        let mut result = vec![0.0; input.len() / input_values * output_values];
        let images = result.par_chunks_mut(output_values).zip(input.par_chunks(input_values));
        images.for_each(|(result, image)| self.forward_image(result, image, geometry));
        result
    }

    fn forward_image(&self, result: &mut [f32], image: &[f32], geometry: Geometry) {
        let out_width = geometry.columns.outputs();
        let Geometry { rows, columns, channels, .. } = geometry;
        let strip = (STRIP_VALUES / (columns.size * channels * rows.stride)).max(1);
        let mut expanded = Expanded { values: Vec::new(), first: 0, end: 0 };
        let mut filtered = vec![0.0; strip * out_width * channels];
        let row_values = out_width * self.outputs();
        for (at, rows) in result.chunks_mut(strip * row_values).enumerate() {
            let from = at * strip;
            let count = rows.len() / row_values;
            let input = match &self.expand {
                Some(expand) => expanded.advance(expand, image, geometry, from, count),
                None => Rows { values: image, first: 0 },
            };
            let filtered = &mut filtered[..count * out_width * channels];
            let Depthwise { weight, bias, activation, .. } = &self.filter;
            depthwise::forward_rows(filtered, input, weight, bias, *activation, geometry, from);
            self.project.run(rows, filtered);
        }
        if self.residual {
            result.iter_mut().zip(image).for_each(|(value, skipped)| *value += skipped);
        }
    }
}

/// The expanded rows `first..end` of an image.
struct Expanded {
    values: Vec<f32>,
    first: usize,
    end: usize,
}

impl Expanded {
    /// Advances to the rows that output rows `from..from + count` depend on, reusing those already computed.
    fn advance(
        &mut self,
        expand: &Pointwise,
        image: &[f32],
        geometry: Geometry,
        from: usize,
        count: usize,
    ) -> Rows<'_> {
        let Range { start: first, end } = geometry.rows.inputs(from..from + count);
        let (width, channels) = (geometry.columns.size, geometry.channels);
        let row = width * channels;
        let kept = self.end.saturating_sub(first);
        let start = self.values.len() - kept * row;
        self.values.copy_within(start.., 0);
        self.values.resize((end - first) * row, 0.0);
        let inputs = expand.weight.len() / channels;
        let image_rows = &image[(first + kept) * width * inputs..end * width * inputs];
        expand.run(&mut self.values[kept * row..], image_rows);
        (self.first, self.end) = (first, end);
        Rows { values: &self.values, first }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::tests::noise;

    fn pointwise_layer(inputs: usize, outputs: usize, activation: Activation) -> Pointwise {
        let weight = noise(1, inputs * outputs);
        Pointwise { weight, bias: noise(2, outputs), activation }
    }

    fn block(
        [inputs, hidden, outputs]: [usize; 3],
        stride: usize,
        window: Window,
        padding: Padding,
    ) -> InvertedResidual {
        let expanded = inputs != hidden;
        InvertedResidual {
            expand: expanded.then(|| pointwise_layer(inputs, hidden, Activation::Relu6)),
            filter: Depthwise {
                weight: noise(3, window.taps() * hidden),
                bias: noise(4, hidden),
                activation: Activation::Relu6,
                window,
                stride,
                padding,
            },
            project: pointwise_layer(hidden, outputs, Activation::Linear),
            residual: stride == 1 && inputs == outputs,
        }
    }

    /// The three layers one after the other, each over the whole batch.
    fn layer_by_layer(
        block: &InvertedResidual,
        input: &[f32],
        height: usize,
        width: usize,
    ) -> Vec<f32> {
        let run = |layer: &Pointwise, input: &[f32]| {
            dense::pointwise(input, layer.matrix(), &layer.bias, layer.activation)
        };
        let Depthwise { weight, bias, activation, .. } = &block.filter;
        let expand = block.expand.as_ref();
        let expanded = expand.map_or_else(|| input.to_vec(), |expand| run(expand, input));
        let geometry = block.geometry(height, width);
        let (out_height, out_width) = geometry.output();
        let image_values = height * width * geometry.channels;
        let mut filtered = Vec::new();
        for values in expanded.chunks_exact(image_values) {
            let mut result = vec![0.0; out_height * out_width * geometry.channels];
            let rows = Rows { values, first: 0 };
            depthwise::forward_rows(&mut result, rows, weight, bias, *activation, geometry, 0);
            filtered.extend(result);
        }
        let mut result = run(&block.project, &filtered);
        if block.residual {
            result.iter_mut().zip(input).for_each(|(value, skipped)| *value += skipped);
        }
        result
    }

    #[test]
    fn a_block_equals_its_layers_one_after_the_other() {
        // Inputs, hidden and output channels, stride, height, width. The strips of the last four
        // end inside the image: 2, 1 and 1 rows (whose stride skips rows), and again 1.
        for [inputs, hidden, outputs, stride, height, width] in [
            [4, 24, 4, 1, 7, 7],
            [4, 24, 6, 2, 7, 8],
            [16, 16, 8, 1, 5, 3],
            [4, 24, 4, 1, 1, 1],
            [8, 320, 8, 1, 11, 80],
            [8, 320, 12, 2, 11, 81],
            [3, 700, 5, 5, 23, 20],
            [4, 4800, 4, 1, 4, 14],
        ] {
            for (window, padding) in [
                (Window::Three, Padding::Centered),
                (Window::Three, Padding::Same),
                (Window::Five, Padding::Centered),
                (Window::Five, Padding::Same),
            ] {
                let block = block([inputs, hidden, outputs], stride, window, padding);
                let input = noise(5, 2 * height * width * inputs);
                let got = block.forward(&input, height, width);
                let expected = layer_by_layer(&block, &input, height, width);
                assert_eq!(got.len(), expected.len());
                for (got, expected) in got.iter().zip(&expected) {
                    // A thousand products add up in another order when a matrix has other rows.
                    let close = (got - expected).abs() <= 1e-5 * expected.abs().max(100.0);
                    assert!(
                        close,
                        "{got} is not {expected}: hidden {hidden}, stride {stride}, {window:?}, {padding:?}"
                    );
                }
            }
        }
    }
}
