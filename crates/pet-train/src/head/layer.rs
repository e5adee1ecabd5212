//! The linear layer from features to classes.

use candle_core::{Device, Module, Result, Tensor, Var};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Activation;
use crate::mobilenet::FEATURES;
use crate::op::pointwise;

/// `[images, 1280]` features to `[images, classes]` logits.
#[derive(Clone, Debug)]
pub struct Head {
    /// `[classes, 1280]`.
    pub weight: Tensor,
    /// `[classes]`.
    pub bias: Tensor,
}

impl Module for Head {
    fn forward(&self, features: &Tensor) -> Result<Tensor> {
        pointwise(features, &self.weight.t()?, &self.bias, Activation::Linear)
    }
}

/// A head whose tensors are learned.
pub(super) struct Variables {
    weight: Var,
    bias: Var,
}

impl Variables {
    /// Uniform in ±1/√1280, as PyTorch's `Linear` starts.
    pub(super) fn new(classes: usize, generator: &mut ChaCha8Rng) -> Result<Self> {
        let bound = 1.0 / (FEATURES as f32).sqrt();
        let mut uniform = |count: usize| -> Vec<f32> {
            (0..count)
                .map(|_| generator.random_range(-bound..bound))
                .collect()
        };
        let weight = Tensor::from_vec(
            uniform(classes * FEATURES),
            (classes, FEATURES),
            &Device::Cpu,
        )?;
        let bias = Tensor::from_vec(uniform(classes), classes, &Device::Cpu)?;
        Ok(Self {
            weight: Var::from_tensor(&weight)?,
            bias: Var::from_tensor(&bias)?,
        })
    }

    /// The head, with gradients flowing into the variables.
    pub(super) fn head(&self) -> Head {
        Head {
            weight: self.weight.as_tensor().clone(),
            bias: self.bias.as_tensor().clone(),
        }
    }

    /// A copy of the head as it is now.
    pub(super) fn snapshot(&self) -> Result<Head> {
        Ok(Head {
            weight: self.weight.as_detached_tensor().copy()?,
            bias: self.bias.as_detached_tensor().copy()?,
        })
    }

    pub(super) fn all(&self) -> Vec<Var> {
        vec![self.weight.clone(), self.bias.clone()]
    }
}

/// Sets a random share of `features` to zero and scales up the others (Srivastava et al. 2014).
///
/// candle's own dropout cannot be seeded on the CPU.
pub(super) fn dropout(features: &Tensor, share: f64, generator: &mut ChaCha8Rng) -> Result<Tensor> {
    if share == 0.0 {
        return Ok(features.clone());
    }
    let kept = (1.0 / (1.0 - share)) as f32;
    let threshold = share as f32;
    let mask: Vec<f32> = (0..features.elem_count())
        .map(|_| {
            if generator.random::<f32>() < threshold {
                0.0
            } else {
                kept
            }
        })
        .collect();
    features * Tensor::from_vec(mask, features.shape(), features.device())?
}

/// The generator for one purpose (`stream`) of a training run.
pub(super) fn generator(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(stream);
    generator
}
