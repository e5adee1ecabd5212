//! Predictions on one thread.

use ort::session::SessionOutputs;
use pet_image::RgbImage;
use pet_model::{OUTPUT_NAME, SIMILARITY_NAME, softmax};

use crate::prediction::Similarity;
use crate::runner::{Runner, output_of_shape};
use crate::{Error, Model, Prediction, Timing};

/// Runs a [`Model`] on one thread; made by [`Model::session`], usually one for each worker.
///
/// Running takes `&mut self`, because a session of ONNX Runtime must not be used by two threads at once
/// and the input tensor is reused.
#[derive(Debug)]
pub struct Session {
    model: Model,
    runner: Runner,
}

impl Session {
    pub(crate) fn new(model: Model, runner: Runner) -> Self {
        Self { model, runner }
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Predicts the class of a photograph from the bytes of its file.
    ///
    /// # Errors
    /// [`Error::Image`] when the photograph cannot be used; [`Error::Run`] or [`Error::Answer`]
    /// when the model fails on it.
    pub fn predict(&mut self, photograph: &[u8]) -> Result<Prediction, Error> {
        let (outputs, timing) = self.runner.run_file(&self.model, photograph)?;
        prediction(&self.model, &outputs, timing)
    }

    /// Predicts the class of a decoded, upright photograph.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_image(&mut self, photograph: &RgbImage) -> Result<Prediction, Error> {
        let (outputs, timing) = self.runner.run_image(&self.model, photograph)?;
        prediction(&self.model, &outputs, timing)
    }

    /// Runs the model on `batch` preprocessed images, one after the other, and returns its raw output:
    /// `batch` times one logit for each class.
    ///
    /// # Errors
    /// [`Error::TensorLength`] for a batch of another length; [`Error::Run`] or [`Error::Answer`]
    /// when the model fails on it.
    pub fn run_tensor(&mut self, tensor: &[f32], batch: usize) -> Result<Vec<f32>, Error> {
        let metadata = self.model.metadata();
        let (one, classes) = (metadata.preprocess.tensor_len(), metadata.classes.len());
        if batch == 0 || one.checked_mul(batch) != Some(tensor.len()) {
            let expected = one.saturating_mul(batch.max(1));
            return Err(Error::TensorLength { batch, expected, got: tensor.len() });
        }
        let outputs = self.runner.run_tensor(&self.model, tensor, batch)?;
        output_of_shape(&outputs, OUTPUT_NAME, &[batch, classes])
    }
}

/// The prediction for one photograph.
pub(crate) fn prediction(
    model: &Model,
    outputs: &SessionOutputs<'_>,
    timing: Timing,
) -> Result<Prediction, Error> {
    let metadata = model.metadata();
    let shape = [1, metadata.classes.len()];
    let logits = output_of_shape(outputs, OUTPUT_NAME, &shape)?;
    let probabilities =
        softmax(&logits, metadata.temperature()).ok_or_else(|| not_finite(&logits))?;
    let similarity = |least| {
        let cosines = output_of_shape(outputs, SIMILARITY_NAME, &shape)?;
        // The cosine of an all-zero feature vector is NaN, which `max` ignores: similar to no class.
        let nearest = cosines.iter().copied().fold(-1.0, f32::max);
        Ok::<_, Error>(Similarity { cosines, nearest, least })
    };
    let similarity = metadata.least_similarity.map(similarity).transpose()?;
    let prediction = Prediction::new(model.classes(), logits, probabilities, timing);
    Ok(prediction.with_similarity(similarity))
}

fn not_finite(logits: &[f32]) -> Error {
    let odd = logits.iter().find(|logit| !logit.is_finite());
    let got = odd.map_or_else(|| "none".into(), ToString::to_string);
    Error::Answer { expected: "finite numbers".into(), got }
}
