//! Feature extraction.

use super::graph::Head;
use crate::runner::Runner;
use crate::{Error, Model};

/// Extracts the features of photographs: the input of a [`Model`]'s last linear layer. Photographs of one class have
/// features of about the same direction. Takes as much memory as another [`Session`](crate::Session).
///
/// ```no_run
/// use pet_predict::{FeatureExtractor, Model, Options, Runtime, SearchPaths};
///
/// # fn main() -> Result<(), pet_predict::Error> {
/// let runtime = Runtime::load(&SearchPaths::default().with_folder(".cache/onnxruntime"))?;
/// let model = Model::load(&runtime, "results", &Options::default())?;
/// # let photograph = Vec::new();
/// let features = FeatureExtractor::new(&model)?.extract(&photograph)?;
/// println!("{} numbers", features.len());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FeatureExtractor {
    model: Model,
    runner: Runner,
    head: Head,
}

impl FeatureExtractor {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::Unexplainable`] for a model that does not end with global average pooling and one
    /// linear layer with bias.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let (head, runner) = Head::run_with(model)?;
        Ok(Self { model: model.clone(), runner, head })
    }

    /// The features of a photograph (the bytes of its file): the mean of each channel.
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict).
    pub fn extract(&mut self, photograph: &[u8]) -> Result<Vec<f32>, Error> {
        let (outputs, _) = self.runner.run_file(&self.model, photograph)?;
        let features = self.head.features(&outputs)?;
        let [_, height, width] = self.head.shape;
        let cells = height * width;
        let mean = |channel: &[f32]| channel.iter().sum::<f32>() / cells as f32;
        Ok(features.chunks_exact(cells).map(mean).collect())
    }
}
