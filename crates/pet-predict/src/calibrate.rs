//! What the values inside a model are on some photographs.

use std::collections::BTreeMap;

use onnx_graph::{Graph, Quantizer, Range, Value};

use crate::error::Cause;
use crate::session::{answer, numbers};
use crate::{Error, Model};

/// Runs a [`Model`] on photographs and keeps the ranges of the values that
/// [`onnx_graph::Quantizer`] asks for.
#[derive(Debug)]
pub struct Calibrator {
    model: Model,
    runner: ort::session::Session,
    tensor: Vec<f32>,
    /// The outputs of the runner, by the names of the values in the model.
    outputs: Vec<(String, String)>,
    ranges: BTreeMap<String, Range>,
}

impl Calibrator {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::LoadModel`] for a model that cannot be run with further outputs.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let failed = |source: Cause| Error::LoadModel {
            path: model.path().to_owned(),
            source,
        };
        let parsed = onnx_graph::Model::from_bytes(model.bytes());
        let parsed = parsed.map_err(|source| failed(Box::new(source)))?;
        let values = Quantizer::new(&parsed).values();
        let (graph, outputs) =
            with_outputs(parsed.graph(), &values).map_err(|source| failed(Box::new(source)))?;
        let variant = onnx_graph::Model::new(graph, parsed.opset()).to_bytes();
        let variant = variant.map_err(|source| failed(Box::new(source)))?;
        let runner = model.open_variant(&variant);
        Ok(Self {
            runner: runner.map_err(|source| failed(Box::new(source)))?,
            tensor: vec![0.0; model.metadata().preprocess.tensor_len()],
            outputs,
            ranges: BTreeMap::new(),
            model: model.clone(),
        })
    }

    /// Runs the model on a photograph (the bytes of its file).
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict); [`Error::Answer`] for a value that is not
    /// finite.
    pub fn observe(&mut self, photograph: &[u8]) -> Result<(), Error> {
        let recipe = &self.model.metadata().preprocess;
        let failed = |source| Error::Image { source };
        let decoded = recipe
            .decode(photograph, &self.model.options().image)
            .map_err(failed)?;
        recipe
            .run_image(&decoded.image, &mut self.tensor)
            .map_err(failed)?;
        let outputs = answer(&self.model, &mut self.runner, &self.tensor, 1)?;
        for (output, value) in &self.outputs {
            let (_, numbers) = numbers(&outputs, output)?;
            let range = Range::of(numbers).ok_or_else(|| Error::Answer {
                expected: format!("finite numbers in `{value}`"),
                got: "others".into(),
            })?;
            let known = self.ranges.get(value).copied();
            let joined = known.map_or(range, |known| known.join(range));
            self.ranges.insert(value.clone(), joined);
        }
        Ok(())
    }

    /// The ranges of the values on all photographs so far.
    pub fn into_ranges(self) -> BTreeMap<String, Range> {
        self.ranges
    }
}

/// The graph with `values` as further outputs, and the outputs' names with those of the values.
fn with_outputs(
    graph: &Graph,
    values: &[Value],
) -> Result<(Graph, Vec<(String, String)>), onnx_graph::Error> {
    let mut graph = graph.clone();
    let mut outputs = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let name = format!("calibrate.{index}");
        graph.output(&name, value)?;
        outputs.push((name, value.name().to_owned()));
    }
    Ok((graph, outputs))
}
