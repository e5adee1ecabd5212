//! `AdamW` (Loshchilov & Hutter 2019, algorithm 2), with separate learning rates for backbone and head.

use std::ops::Range;

use rayon::prelude::*;

use super::layout::Layout;

/// Decay rates of the first and second moments; PyTorch's defaults.
const BETAS: [f32; 2] = [0.9, 0.999];
/// Added to the square root of the second moment; PyTorch's default.
const EPSILON: f32 = 1e-8;
/// Values that a thread processes at a time.
const BLOCK: usize = 1 << 16;

/// Learning rates of one step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    pub(crate) body: f64,
    pub(crate) head: f64,
}

/// A parameter group.
struct Group {
    range: Range<usize>,
    head: bool,
    /// Whether weight decay applies: not to biases and normalization.
    decayed: bool,
}

/// The optimizer with its moments, in the order of the layout.
pub(crate) struct AdamW {
    groups: Vec<Group>,
    weight_decay: f64,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    /// Steps taken.
    pub(crate) steps: u64,
}

impl AdamW {
    pub(crate) fn new(layout: &Layout, weight_decay: f64) -> Self {
        let mut groups = Vec::new();
        let mut add = |range: &Range<usize>, head, decayed| {
            groups.push(Group { range: range.clone(), head, decayed });
        };
        for layer in layout.layers() {
            add(&layer.weight, false, true);
            add(&layer.scale, false, false);
            add(&layer.shift, false, false);
        }
        add(&layout.head_weight, true, true);
        add(&layout.head_bias, true, false);
        Self {
            groups,
            weight_decay,
            first: vec![0.0; layout.len()],
            second: vec![0.0; layout.len()],
            steps: 0,
        }
    }

    /// Updates `values`.
    pub(crate) fn step(&mut self, values: &mut [f32], gradient: &[f32], rates: Rates) {
        self.steps += 1;
        let corrections = BETAS.map(|beta| 1.0 - f64::from(beta).powf(self.steps as f64));
        for group in &self.groups {
            let rate = if group.head { rates.head } else { rates.body };
            let decay = if group.decayed { self.weight_decay } else { 0.0 };
            let change = Change {
                rate: (rate / corrections[0]) as f32,
                root_correction: corrections[1].sqrt() as f32,
                kept: (1.0 - rate * decay) as f32,
            };
            let range = group.range.clone();
            values[range.clone()]
                .par_chunks_mut(BLOCK)
                .zip(gradient[range.clone()].par_chunks(BLOCK))
                .zip(self.first[range.clone()].par_chunks_mut(BLOCK))
                .zip(self.second[range].par_chunks_mut(BLOCK))
                .for_each(|(((values, gradient), first), second)| {
                    pulp::Arch::new().dispatch(|| change.apply(values, gradient, first, second));
                });
        }
    }
}

#[derive(Clone, Copy)]
struct Change {
    /// Learning rate divided by the bias correction of the first moment.
    rate: f32,
    /// Square root of the bias correction of the second moment.
    root_correction: f32,
    /// Factor of weight decay.
    kept: f32,
}

impl Change {
    #[inline(always)]
    fn apply(self, values: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
        let moments = first.iter_mut().zip(second);
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            *first = BETAS[0] * *first + (1.0 - BETAS[0]) * gradient;
            *second = BETAS[1] * *second + (1.0 - BETAS[1]) * gradient * gradient;
            let root = second.sqrt() / self.root_correction + EPSILON;
            *value = *value * self.kept - self.rate * *first / root;
        }
    }
}
