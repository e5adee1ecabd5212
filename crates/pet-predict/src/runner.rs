//! Running a model or a variant of it on one thread.

use std::time::{Duration, Instant};

use ort::session::{Session, SessionOutputs};
use ort::value::TensorRef;
use pet_image::RgbImage;
use pet_model::INPUT_NAME;
use tracing::info_span;

use crate::{Error, Model, Timing};

/// A session of ONNX Runtime with a reusable input tensor. Each step has a tracing span.
#[derive(Debug)]
pub(crate) struct Runner {
    session: Session,
    tensor: Vec<f32>,
}

impl Runner {
    pub(crate) fn new(session: Session, tensor_len: usize) -> Self {
        Self { session, tensor: vec![0.0; tensor_len] }
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

    /// Runs the model on a batch of preprocessed images.
    pub(crate) fn run_tensor(
        &mut self,
        model: &Model,
        tensor: &[f32],
        batch: usize,
    ) -> Result<SessionOutputs<'_>, Error> {
        infer(&mut self.session, model, tensor, batch)
    }
}

fn infer<'a>(
    session: &'a mut Session,
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
