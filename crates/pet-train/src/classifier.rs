//! The complete network, from images to logits.

use candle_core::{Module, Result, Tensor};
use candle_nn::Linear;

use crate::network::Backbone;
use crate::{Error, Weights};

/// A backbone with a classification head: `[batch, 3, size, size]` to `[batch, classes]` logits.
pub struct Classifier {
    backbone: Backbone,
    head: Linear,
}

impl Classifier {
    /// Builds the network from weights with a head for `classes` classes.
    ///
    /// # Errors
    ///
    /// [`Error::MissingTensor`] or [`Error::TensorShape`] if the weights have no such head.
    pub fn new(weights: &Weights, classes: usize) -> std::result::Result<Self, Error> {
        let (weight, bias) = weights.head(classes)?;
        Ok(Self {
            backbone: Backbone::new(weights)?,
            head: Linear::new(weight.clone(), Some(bias.clone())),
        })
    }
}

impl Module for Classifier {
    fn forward(&self, images: &Tensor) -> Result<Tensor> {
        self.head.forward(&self.backbone.forward(images)?)
    }
}
