//! Forward and backward pass of the trained part of the network for one image, on one thread.
//!
//! candle's autograd zeroes and copies a tensor for the gradient of every activation, which for this network costs as
//! much as the arithmetic. As the network is a chain, its backward pass is a loop over kernels, with reused buffers.

use std::ops::Range;

use super::layout::{Layout, TrainedLayer};
use crate::architecture::{Convolution, FEATURES};
use crate::kernel::axis::Axis;
use crate::kernel::dense;
use crate::kernel::depthwise::{self, Geometry, Rows};
use crate::kernel::matrix::{Matrix, add_product, multiply};
use crate::{Activation, Error};

/// A layer for a fixed input size.
struct Step {
    kernel: Kernel,
    activation: Activation,
    outputs: usize,
    /// Number of output values.
    values: usize,
    weight: Range<usize>,
    bias: Range<usize>,
    /// The first step of the residual block that this step ends.
    adds_input_of: Option<usize>,
}

enum Kernel {
    Stem(Axis),
    Pointwise,
    Depthwise(Geometry),
}

/// The trained blocks and the head, for a fixed input size.
pub(crate) struct Network {
    steps: Vec<Step>,
    head_weight: Range<usize>,
    head_bias: Range<usize>,
    input_values: usize,
}

/// The buffers of a forward and backward pass.
pub(crate) struct Workspace {
    results: Vec<Vec<f32>>,
    features: Vec<f32>,
    pub(crate) logits: Vec<f32>,
    gradient: Vec<f32>,
    next_gradient: Vec<f32>,
    skipped_gradient: Vec<f32>,
}

impl Network {
    /// The network of `layout` for inputs of `got` values: square images if the first block is trained, else activations.
    /// Without trained blocks the inputs are features.
    ///
    /// # Errors
    ///
    /// [`Error::InputValues`] if there are no such inputs.
    pub(crate) fn new(layout: &Layout, got: usize) -> Result<Self, Error> {
        let inputs = layout.layers().next().map(|layer| layer.layer.inputs);
        let mut side = inputs.map_or(1, |inputs| (got / inputs).isqrt());
        let expected = inputs.map_or(FEATURES, |inputs| side * side * inputs);
        if got != expected {
            return Err(Error::InputValues { expected, got });
        }
        let mut steps = Vec::new();
        for block in &layout.blocks {
            let first = steps.len();
            for layer in &block.layers {
                steps.push(Step::new(layer, side));
                side = layer.layer.output_side(side);
            }
            if let Some(last) = steps.last_mut().filter(|_| block.residual) {
                last.adds_input_of = Some(first);
            }
        }
        Ok(Self {
            steps,
            head_weight: layout.head_weight.clone(),
            head_bias: layout.head_bias.clone(),
            input_values: got,
        })
    }

    pub(crate) fn workspace(&self) -> Workspace {
        let results = self.steps.iter().map(|step| vec![0.0; step.values]);
        let largest = self.steps.iter().map(|step| step.values).max();
        let largest = largest.unwrap_or(0).max(self.input_values);
        Workspace {
            results: results.collect(),
            features: vec![0.0; FEATURES],
            logits: vec![0.0; self.head_bias.len()],
            gradient: vec![0.0; largest],
            next_gradient: vec![0.0; largest],
            skipped_gradient: Vec::new(),
        }
    }

    /// Computes the logits; `mask` scales the features (dropout).
    pub(crate) fn forward(
        &self,
        folded: &[f32],
        input: &[f32],
        mask: Option<&[f32]>,
        workspace: &mut Workspace,
    ) {
        for (at, step) in self.steps.iter().enumerate() {
            let (before, rest) = workspace.results.split_at_mut(at);
            let (Some(result), last) = (rest.first_mut(), before.last()) else {
                continue;
            };
            step.forward(folded, last.map_or(input, Vec::as_slice), result);
            if let Some(first) = step.adds_input_of {
                add(result, input_of(first, before, input));
            }
        }
        match workspace.results.last() {
            Some(map) => pool(map, &mut workspace.features),
            None => workspace.features.copy_from_slice(input),
        }
        scale(&mut workspace.features, mask);
        let head = Matrix::new(&folded[self.head_weight.clone()], FEATURES, workspace.logits.len());
        multiply(Matrix::new(&workspace.features, 1, FEATURES), head, &mut workspace.logits);
        add(&mut workspace.logits, &folded[self.head_bias.clone()]);
    }

    /// Adds the gradient of the folded values to `sums`, given the gradient of the logits in the workspace's `logits`
    /// after [`forward`](Self::forward).
    pub(crate) fn backward(
        &self,
        folded: &[f32],
        input: &[f32],
        mask: Option<&[f32]>,
        workspace: &mut Workspace,
        sums: &mut [f32],
    ) {
        let Workspace { results, features, logits, gradient, next_gradient, skipped_gradient } =
            workspace;
        let classes = logits.len();
        let upstream = Matrix::new(logits, 1, classes);
        let column = Matrix::new(features, 1, FEATURES).transposed();
        add_product(column, upstream, &mut sums[self.head_weight.clone()]);
        add(&mut sums[self.head_bias.clone()], logits);
        let Some(map) = results.last() else { return };
        let head = Matrix::new(&folded[self.head_weight.clone()], FEATURES, classes);
        multiply(upstream, head.transposed(), features);
        scale(features, mask);
        spread(features, &mut gradient[..map.len()]);
        for (at, step) in self.steps.iter().enumerate().rev() {
            let before = if at == 0 { input } else { &results[at - 1] };
            let gradient_here = &mut gradient[..step.values];
            if step.adds_input_of.is_some() {
                skipped_gradient.clear();
                skipped_gradient.extend_from_slice(gradient_here);
            }
            step.activation.backward(&results[at], gradient_here);
            step.add_weight_gradient(before, gradient_here, sums);
            if at == 0 {
                return;
            }
            let next = &mut next_gradient[..before.len()];
            step.input_gradient(folded, gradient_here, next);
            if self.starts_residual_block(at) {
                add(next, skipped_gradient);
            }
            std::mem::swap(gradient, next_gradient);
        }
    }

    fn starts_residual_block(&self, at: usize) -> bool {
        self.steps[at..].iter().take(3).any(|step| step.adds_input_of == Some(at))
    }
}

impl Step {
    fn new(trained: &TrainedLayer, side: usize) -> Self {
        let layer = &trained.layer;
        let kernel = match layer.convolution {
            Convolution::Stem => Kernel::Stem(dense::stem_axis(side, layer.padding)),
            Convolution::Pointwise => Kernel::Pointwise,
            Convolution::Depthwise { window, stride } => {
                let (sides, channels) = ([side; 2], layer.outputs);
                let geometry = Geometry::new(sides, channels, window, stride, layer.padding);
                Kernel::Depthwise(geometry)
            }
        };
        Self {
            kernel,
            activation: layer.activation,
            outputs: layer.outputs,
            values: layer.output_side(side).pow(2) * layer.outputs,
            weight: trained.weight.clone(),
            bias: trained.shift.clone(),
            adds_input_of: None,
        }
    }

    fn matrix<'a>(&self, folded: &'a [f32]) -> Matrix<'a> {
        let rows = self.weight.len() / self.outputs;
        Matrix::new(&folded[self.weight.clone()], rows, self.outputs)
    }

    fn forward(&self, folded: &[f32], input: &[f32], result: &mut [f32]) {
        let bias = &folded[self.bias.clone()];
        match self.kernel {
            Kernel::Stem(axis) => {
                let weight = self.matrix(folded);
                dense::stem_image(result, input, weight, bias, self.activation, axis);
            }
            Kernel::Pointwise => {
                let weight = self.matrix(folded);
                dense::pointwise_rows(result, input, weight, bias, self.activation);
            }
            Kernel::Depthwise(geometry) => {
                let rows = Rows { values: input, first: 0 };
                let weight = &folded[self.weight.clone()];
                depthwise::forward_rows(result, rows, weight, bias, self.activation, geometry, 0);
            }
        }
    }

    fn add_weight_gradient(&self, input: &[f32], gradient: &[f32], sums: &mut [f32]) {
        dense::add_rows(&mut sums[self.bias.clone()], gradient);
        let sums = &mut sums[self.weight.clone()];
        match self.kernel {
            Kernel::Stem(axis) => dense::add_stem_weight_gradient(sums, input, gradient, axis),
            Kernel::Pointwise => {
                dense::add_pointwise_weight_gradient(sums, input, gradient, self.outputs);
            }
            Kernel::Depthwise(geometry) => {
                depthwise::add_weight_gradient(sums, input, gradient, geometry);
            }
        }
    }

    fn input_gradient(&self, folded: &[f32], gradient: &[f32], result: &mut [f32]) {
        match self.kernel {
            // The stem is the first layer.
            Kernel::Stem(_) => {}
            Kernel::Pointwise => {
                dense::pointwise_input_gradient(result, gradient, self.matrix(folded));
            }
            Kernel::Depthwise(geometry) => {
                let weight = &folded[self.weight.clone()];
                depthwise::input_gradient(result, gradient, weight, geometry);
            }
        }
    }
}

/// The input of the block that starts with step `first`.
fn input_of<'a>(first: usize, results: &'a [Vec<f32>], input: &'a [f32]) -> &'a [f32] {
    first.checked_sub(1).map_or(input, |at| &results[at])
}

fn add(sums: &mut [f32], values: &[f32]) {
    pulp::Arch::new().dispatch(|| {
        sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
    });
}

fn scale(values: &mut [f32], factors: Option<&[f32]>) {
    let factors = factors.unwrap_or_default();
    for (value, factor) in values.iter_mut().zip(factors) {
        *value *= factor;
    }
}

/// Global average pooling: the mean of each channel over all positions.
fn pool(map: &[f32], features: &mut [f32]) {
    let positions = (map.len() / features.len()) as f32;
    features.fill(0.0);
    dense::add_rows(features, map);
    for value in features {
        *value /= positions;
    }
}

/// The gradient of [`pool`].
fn spread(features: &[f32], map: &mut [f32]) {
    let positions = (map.len() / features.len()) as f32;
    for position in map.chunks_exact_mut(features.len()) {
        position
            .iter_mut()
            .zip(features)
            .for_each(|(value, gradient)| *value = gradient / positions);
    }
}
