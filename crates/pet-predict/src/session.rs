//! Running a model on one thread.

use std::num::NonZero;
use std::time::{Duration, Instant};

use ort::session::SessionOutputs;
use ort::value::TensorRef;
use pet_image::RgbImage;
use pet_model::{INPUT_NAME, OUTPUT_NAME, SIMILARITY_NAME, softmax};
use tracing::info_span;

use crate::prediction::Similarity;
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
    fn new(model: &Model, session: ort::session::Session) -> Self {
        Self { model: model.clone(), runner: Runner::new(model, session) }
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
        let outputs = infer(&mut self.runner.session, &self.model, tensor, batch)?;
        output_of_shape(&outputs, OUTPUT_NAME, &[batch, classes])
    }
}

impl Model {
    /// A new session. The first is free, each further one takes about as much time as loading did.
    ///
    /// # Errors
    /// [`Error::LoadModel`] when ONNX Runtime lacks the memory or threads for it.
    pub fn session(&self) -> Result<Session, Error> {
        match self.take_checked() {
            Some(session) => Ok(Session::new(self, session)),
            None => self.session_on(self.options().threads),
        }
    }

    /// A new session with its own number of threads: several answer one photograph sooner, but more photographs at the same
    /// time later. The predictions are the same.
    ///
    /// # Errors
    /// As [`session`](Self::session).
    pub fn session_on(&self, threads: NonZero<usize>) -> Result<Session, Error> {
        let session = self.open_session(self.bytes(), threads);
        let session = session.map_err(|source| Error::load_model(self.path(), source))?;
        Ok(Session::new(self, session))
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
    Ok(Prediction { classes: model.classes(), logits, probabilities, similarity, timing })
}

fn not_finite(logits: &[f32]) -> Error {
    let odd = logits.iter().find(|logit| !logit.is_finite());
    let got = odd.map_or_else(|| "none".into(), ToString::to_string);
    Error::Answer { expected: "finite numbers".into(), got }
}

/// A session of ONNX Runtime with a reusable input tensor. Each step has a tracing span.
#[derive(Debug)]
pub(crate) struct Runner {
    session: ort::session::Session,
    tensor: Vec<f32>,
}

impl Runner {
    /// A runner of a variant of a model, with the same options.
    pub(crate) fn of_variant(model: &Model, bytes: &[u8]) -> ort::Result<Self> {
        let session = model.open_session(bytes, model.options().threads)?;
        Ok(Self::new(model, session))
    }

    fn new(model: &Model, session: ort::session::Session) -> Self {
        Self { session, tensor: vec![0.0; model.metadata().preprocess.tensor_len()] }
    }

    /// Runs the model on an image file, decoded no larger than the recipe needs.
    pub(crate) fn run_file(
        &mut self,
        model: &Model,
        file: &[u8],
    ) -> Result<(SessionOutputs<'_>, Timing), Error> {
        let start = Instant::now();
        let recipe = &model.metadata().preprocess;
        let limits = &model.options().image;
        let decoded = info_span!("decode").in_scope(|| recipe.decode(file, limits))?;
        let decode = start.elapsed();
        let (outputs, timing) = self.run_image(model, &decoded.image)?;
        Ok((outputs, Timing { decode, ..timing }))
    }

    /// Runs the model on decoded pixels.
    pub(crate) fn run_image(
        &mut self,
        model: &Model,
        image: &RgbImage,
    ) -> Result<(SessionOutputs<'_>, Timing), Error> {
        let start = Instant::now();
        let recipe = &model.metadata().preprocess;
        let tensor = &mut self.tensor;
        info_span!("preprocess").in_scope(|| recipe.run_image(image, tensor))?;
        let preprocessed = Instant::now();
        let outputs = infer(&mut self.session, model, &self.tensor, 1)?;
        let timing = Timing {
            decode: Duration::ZERO,
            preprocess: preprocessed - start,
            inference: preprocessed.elapsed(),
        };
        Ok((outputs, timing))
    }
}

/// Runs the model on a batch of preprocessed images.
fn infer<'a>(
    session: &'a mut ort::session::Session,
    model: &Model,
    tensor: &[f32],
    batch: usize,
) -> Result<SessionOutputs<'a>, Error> {
    let size = model.metadata().preprocess.size() as usize;
    let input = TensorRef::from_array_view(([batch, 3, size, size], tensor)).map_err(Error::run)?;
    let _span = info_span!("infer").entered();
    session.run(ort::inputs![INPUT_NAME => input]).map_err(Error::run)
}

/// The shape and values of an output.
pub(crate) fn output<'a>(
    outputs: &'a SessionOutputs<'_>,
    name: &str,
) -> Result<(&'a [i64], &'a [f32]), Error> {
    let output = outputs.get(name).ok_or_else(|| Error::Answer {
        expected: format!("an output `{name}`"),
        got: "none".into(),
    })?;
    let (shape, values) = output.try_extract_tensor::<f32>().map_err(Error::run)?;
    Ok((shape, values))
}

/// The values of an output, which must have the shape `expected`.
pub(crate) fn output_of_shape(
    outputs: &SessionOutputs<'_>,
    name: &str,
    expected: &[usize],
) -> Result<Vec<f32>, Error> {
    let (shape, values) = output(outputs, name)?;
    let fits = |(&got, &expected): (&i64, &usize)| got == expected as i64;
    if shape.len() != expected.len() || !shape.iter().zip(expected).all(fits) {
        return Err(Error::Answer {
            expected: format!("numbers of shape {expected:?}"),
            got: format!("shape {shape:?}"),
        });
    }
    Ok(values.to_vec())
}
