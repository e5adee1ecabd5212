//! Running a model on one thread.

use std::time::{Duration, Instant};

use ort::session::SessionOutputs;
use ort::value::TensorRef;
use pet_image::RgbImage;
use pet_model::{INPUT_NAME, OUTPUT_NAME, SIMILARITY_NAME, softmax};
use tracing::info_span;

use crate::prediction::Similarity;
use crate::{Error, Model, Prediction, Timing};

/// Runs a [`Model`]. A worker thread owns one; [`Model::session`] makes as many as are needed.
///
/// Running takes `&mut self`, since ONNX Runtime's session is not to be used by two threads at once
/// and the tensor of the photograph is used again for the next one.
#[derive(Debug)]
pub struct Session {
    model: Model,
    runner: ort::session::Session,
    tensor: Vec<f32>,
}

impl Session {
    pub(crate) fn new(model: Model, runner: ort::session::Session) -> Self {
        let tensor = vec![0.0; model.metadata().preprocess.tensor_len()];
        Self {
            model,
            runner,
            tensor,
        }
    }

    /// The model that is run.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Predicts the class of one photograph from the bytes of its file.
    ///
    /// # Errors
    /// [`Error::Image`] when the photograph cannot be used; [`Error::Run`] or [`Error::Answer`]
    /// when the model fails on it.
    pub fn predict(&mut self, photograph: &[u8]) -> Result<Prediction, Error> {
        let start = Instant::now();
        let recipe = &self.model.metadata().preprocess;
        let limits = &self.model.options().image;
        let decoded = info_span!("decode").in_scope(|| recipe.decode(photograph, limits));
        let decoded = decoded.map_err(|source| Error::Image { source })?;
        self.classify(&decoded.image, start.elapsed())
    }

    /// Predicts the class of one photograph that is decoded already and upright.
    ///
    /// # Errors
    /// As [`predict`](Self::predict).
    pub fn predict_image(&mut self, photograph: &RgbImage) -> Result<Prediction, Error> {
        self.classify(photograph, Duration::ZERO)
    }

    fn classify(&mut self, image: &RgbImage, decode: Duration) -> Result<Prediction, Error> {
        let start = Instant::now();
        let recipe = &self.model.metadata().preprocess;
        let tensor = &mut self.tensor;
        info_span!("preprocess")
            .in_scope(|| recipe.run_image(image, tensor))
            .map_err(|source| Error::Image { source })?;
        let preprocessing = Instant::now();
        let outputs = answer(&self.model, &mut self.runner, &self.tensor, 1)?;
        let timing = Timing {
            decode,
            preprocess: preprocessing - start,
            inference: preprocessing.elapsed(),
        };
        prediction(&self.model, &outputs, timing)
    }

    /// Runs the model on `batch` images that are tensors already, one after the other, and gives
    /// its raw answer: `batch` times one number (logit) for each class.
    ///
    /// # Errors
    /// [`Error::TensorLength`] for a batch of another length; [`Error::Run`] or [`Error::Answer`]
    /// when the model fails on it.
    pub fn run_tensor(&mut self, tensor: &[f32], batch: usize) -> Result<Vec<f32>, Error> {
        let one = self.model.metadata().preprocess.tensor_len();
        if batch == 0 || one.checked_mul(batch) != Some(tensor.len()) {
            let expected = one.saturating_mul(batch.max(1));
            return Err(Error::TensorLength {
                batch,
                expected,
                got: tensor.len(),
            });
        }
        run(&self.model, &mut self.runner, tensor, batch)
    }
}

fn run(
    model: &Model,
    runner: &mut ort::session::Session,
    tensor: &[f32],
    batch: usize,
) -> Result<Vec<f32>, Error> {
    let outputs = answer(model, runner, tensor, batch)?;
    let classes = model.metadata().classes.len();
    read(&outputs, OUTPUT_NAME, &[batch, classes])
}

/// All that a model answers. Here, as where photographs are decoded and prepared, is a span for who traces them.
pub(crate) fn answer<'a>(
    model: &Model,
    runner: &'a mut ort::session::Session,
    tensor: &[f32],
    batch: usize,
) -> Result<SessionOutputs<'a>, Error> {
    let size = model.metadata().preprocess.size() as usize;
    let input = TensorRef::from_array_view(([batch, 3, size, size], tensor)).map_err(Error::run)?;
    let _infer = info_span!("infer").entered();
    runner
        .run(ort::inputs![INPUT_NAME => input])
        .map_err(Error::run)
}

/// What the outputs for one photograph say.
pub(crate) fn prediction(
    model: &Model,
    outputs: &SessionOutputs<'_>,
    timing: Timing,
) -> Result<Prediction, Error> {
    let metadata = model.metadata();
    let shape = [1, metadata.classes.len()];
    let logits = read(outputs, OUTPUT_NAME, &shape)?;
    let probabilities =
        softmax(&logits, metadata.temperature()).ok_or_else(|| not_finite(&logits))?;
    let similarity = |least| {
        let cosines = read(outputs, SIMILARITY_NAME, &shape)?;
        // Features that are all 0 have an angle to nothing: not a number, and not like any class.
        let nearest = cosines.iter().copied().fold(-1.0, f32::max);
        Ok::<_, Error>(Similarity {
            cosines,
            nearest,
            least,
        })
    };
    let similarity = metadata.least_similarity.map(similarity).transpose()?;
    let prediction = Prediction::new(model.classes(), logits, probabilities, timing);
    Ok(prediction.with_similarity(similarity))
}

/// The numbers of one output, with their shape.
pub(crate) fn numbers<'a>(
    outputs: &'a SessionOutputs<'_>,
    name: &str,
) -> Result<(&'a [i64], &'a [f32]), Error> {
    let output = outputs.get(name).ok_or_else(|| Error::Answer {
        expected: format!("an output `{name}`"),
        got: "none".into(),
    })?;
    let (shape, numbers) = output.try_extract_tensor::<f32>().map_err(Error::run)?;
    Ok((shape, numbers))
}

/// The numbers of one output, which must have the shape `expected`.
pub(crate) fn read(
    outputs: &SessionOutputs<'_>,
    name: &str,
    expected: &[usize],
) -> Result<Vec<f32>, Error> {
    let wrong = |got: String| Error::Answer {
        expected: format!("numbers of shape {expected:?}"),
        got,
    };
    let (shape, numbers) = numbers(outputs, name)?;
    let fits = |(&got, &expected): (&i64, &usize)| got == expected as i64;
    if shape.len() != expected.len() || !shape.iter().zip(expected).all(fits) {
        return Err(wrong(format!("shape {shape:?}")));
    }
    Ok(numbers.to_vec())
}

fn not_finite(logits: &[f32]) -> Error {
    let odd = logits.iter().find(|logit| !logit.is_finite());
    let got = odd.map_or_else(|| "none".into(), ToString::to_string);
    Error::Answer {
        expected: "finite numbers".into(),
        got,
    }
}
