//! Statistics of a model's inner values, for quantization.

use std::collections::BTreeMap;

use onnx_graph::{Channel, Quantizer, Range};

use crate::error::Cause;
use crate::session::{Runner, output};
use crate::{Error, Model};

/// The input of [`onnx_graph::Quantizer`], by the names of the values.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Calibration {
    /// The range of each value.
    pub ranges: BTreeMap<String, Range>,
    /// The channels of each value that has channels.
    pub channels: BTreeMap<String, Vec<Channel>>,
}

/// Runs a [`Model`] on photographs and records statistics of its inner values.
#[derive(Debug)]
pub struct Calibrator {
    model: Model,
    runner: Runner,
    /// Each output of the runner with the name of the value in the model.
    outputs: Vec<(String, String)>,
    calibration: Calibration,
    /// Number of photographs so far.
    count: f32,
}

impl Calibrator {
    /// Prepares a model. Takes about as long as loading it.
    ///
    /// # Errors
    /// [`Error::LoadModel`] for a model that cannot be run with further outputs.
    pub fn new(model: &Model) -> Result<Self, Error> {
        let (runner, outputs) =
            open(model).map_err(|source| Error::load_model(model.path(), source))?;
        let (model, calibration) = (model.clone(), Calibration::default());
        Ok(Self { model, runner, outputs, calibration, count: 0.0 })
    }

    /// Runs the model on a photograph (the bytes of its file).
    ///
    /// # Errors
    /// As [`Session::predict`](crate::Session::predict); [`Error::Answer`] for a value that is not
    /// finite.
    pub fn observe(&mut self, photograph: &[u8]) -> Result<(), Error> {
        let (outputs, _) = self.runner.run_file(&self.model, photograph)?;
        self.count += 1.0;
        for (name, value) in &self.outputs {
            let (shape, numbers) = output(&outputs, name)?;
            let range = Range::of(numbers).ok_or_else(|| Error::Answer {
                expected: format!("finite numbers in `{value}`"),
                got: "others".into(),
            })?;
            self.calibration.join(value, range, &channels(shape, numbers), self.count);
        }
        Ok(())
    }

    /// The statistics of all photographs.
    pub fn finish(self) -> Calibration {
        self.calibration
    }
}

impl Calibration {
    /// Adds the statistics of a value on photograph number `count`.
    fn join(&mut self, value: &str, range: Range, channels: &[Channel], count: f32) {
        let known = self.ranges.get(value).copied();
        let joined = known.map_or(range, |known| known.join(range));
        self.ranges.insert(value.to_owned(), joined);
        let known = self.channels.entry(value.to_owned()).or_default();
        known.resize(channels.len(), Channel::default());
        for (known, channel) in known.iter_mut().zip(channels) {
            known.mean += (channel.mean - known.mean) / count;
            known.maximum = known.maximum.max(channel.maximum);
        }
    }
}

/// The channels of a value of shape `[1, channels, height, width]`; none for another shape.
fn channels(shape: &[i64], numbers: &[f32]) -> Vec<Channel> {
    let &[_, _, height, width] = shape else {
        return Vec::new();
    };
    let length = usize::try_from(height * width).unwrap_or_default().max(1);
    let channel = |numbers: &[f32]| Channel {
        mean: numbers.iter().sum::<f32>() / length as f32,
        maximum: numbers.iter().copied().fold(0.0, f32::max),
    };
    numbers.chunks(length).map(channel).collect()
}

/// A runner of the model with the values that a quantizer needs as further outputs, and each output's name with that of its
/// value.
fn open(model: &Model) -> Result<(Runner, Vec<(String, String)>), Cause> {
    let parsed = onnx_graph::Model::from_bytes(model.bytes())?;
    let mut graph = parsed.graph().clone();
    let mut outputs = Vec::new();
    for (index, value) in Quantizer::new(&parsed).values().iter().enumerate() {
        let name = format!("calibrate.{index}");
        graph.output(&name, value)?;
        outputs.push((name, value.name().to_owned()));
    }
    let variant = onnx_graph::Model::new(graph, parsed.opset()).to_bytes()?;
    Ok((Runner::of_variant(model, &variant)?, outputs))
}
