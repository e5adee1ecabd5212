//! What the network sees in a photograph, before it names a class.

use super::graph::Head;
use crate::session::answer;
use crate::{Error, Model};

/// Gives the features of photographs: what a [`Model`]'s last linear layer takes. Pictures of one class have features in
/// about the same direction. Costs as much memory as one more [`Session`](crate::Session).
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
    runner: ort::session::Session,
    head: Head,
    tensor: Vec<f32>,
}

impl FeatureExtractor {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::Unexplainable`] for a model that does not end with global average pooling and one
    /// linear layer with bias.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let (head, runner) = Head::run_with(model)?;
        Ok(Self {
            tensor: vec![0.0; model.metadata().preprocess.tensor_len()],
            model: model.clone(),
            runner,
            head,
        })
    }

    /// The features of a photograph (the bytes of its file): one number for each channel, the mean over the picture.
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict).
    pub fn extract(&mut self, photograph: &[u8]) -> Result<Vec<f32>, Error> {
        let failed = |source| Error::Image { source };
        let recipe = &self.model.metadata().preprocess;
        let decoded = recipe.decode(photograph, &self.model.options().image);
        let image = decoded.map_err(failed)?.image;
        recipe.run_image(&image, &mut self.tensor).map_err(failed)?;
        let outputs = answer(&self.model, &mut self.runner, &self.tensor, 1)?;
        let features = self.head.features(&outputs)?;
        let [_, height, width] = self.head.shape;
        let places = height * width;
        let mean = |channel: &[f32]| channel.iter().sum::<f32>() / places as f32;
        Ok(features.chunks_exact(places).map(mean).collect())
    }
}
