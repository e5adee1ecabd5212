//! From numbers in 32 bits to numbers in 8.

mod balance;
mod plan;
mod range;
mod weight;
mod write;

use std::collections::BTreeMap;

pub use range::{Channel, Range};

use crate::{Error, Graph, Model, Value};

/// Makes a model that computes in 8 bits where that pays: its convolutions and the sums of their
/// results. Everything else stays as it is.
///
/// Weights become signed bytes with a scale for each filter, the values between the layers bytes
/// without sign that cover the [`Range`] observed on examples. An activation function that only
/// limits (`Relu`, `Clip`) after a convolution or a sum is left out: the bytes reach no further than
/// its limits.
///
/// The result is written with `QuantizeLinear` and `DequantizeLinear` around the nodes, which every
/// runtime can read, and which ONNX Runtime turns into operators on integers.
///
/// ```
/// use std::collections::BTreeMap;
///
/// use onnx_graph::{ConvOptions, DataType, Graph, Model, Quantizer, Range};
///
/// let mut graph = Graph::new("edges");
/// let shape = ["batch".into(), 1.into(), 28.into(), 28.into()];
/// let image = graph.input("image", DataType::F32, &shape)?;
/// let weight = graph.initializer("weight", &[4, 1, 3, 3], &[0.1_f32; 36])?;
/// let edges = graph.conv("conv", &image, &weight, None, ConvOptions::square(3))?;
/// let edges = graph.clip("relu6", &edges, 0.0, 6.0)?;
/// graph.output("edges", &edges)?;
/// let model = Model::new(graph, 18);
///
/// let quantizer = Quantizer::new(&model);
/// // What the values of these names were on some images: run the model to know.
/// let names: Vec<_> = quantizer.values().iter().map(|value| value.name().to_owned()).collect();
/// assert_eq!(names, ["image", "edges"]);
/// let range = |low, high| Range::new(low, high).ok_or("an empty range");
/// let ranges = BTreeMap::from([
///     ("image".to_owned(), range(0.0, 1.0)?),
///     ("edges".to_owned(), range(0.0, 0.9)?),
/// ]);
/// let quantized = quantizer.quantize(&ranges)?;
/// assert!(quantized.to_bytes()?.len() > 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Quantizer<'a> {
    model: &'a Model,
    float_layers: usize,
    channels: Option<&'a BTreeMap<String, Vec<Channel>>>,
}

impl<'a> Quantizer<'a> {
    /// Quantizes every convolution of `model` that has constant weights.
    pub fn new(model: &'a Model) -> Self {
        Self {
            model,
            float_layers: 0,
            channels: None,
        }
    }

    /// Leaves the first `layers` convolutions as they are, in the order of running: those near the
    /// input tend to need more than 8 bits.
    #[must_use]
    pub fn with_float_layers(self, layers: usize) -> Self {
        Self {
            float_layers: layers,
            ..self
        }
    }

    /// What the channels of the [`values`](Self::values) were on examples, which makes the result
    /// more accurate where it is known. The error that rounding a filter's weights makes for the
    /// mean input is taken off its bias, and a value between a convolution and a depthwise one is
    /// scaled so that each channel fills the range
    /// ([Nagel et al. 2019](https://arxiv.org/abs/1906.04721)).
    #[must_use]
    pub fn with_channels(self, channels: &'a BTreeMap<String, Vec<Channel>>) -> Self {
        Self {
            channels: Some(channels),
            ..self
        }
    }

    /// The results of the convolutions that could be quantized, in the order of running.
    pub fn layers(&self) -> Vec<Value> {
        plan::layers(self.graph())
    }

    /// The values whose ranges are needed, in the order of running.
    pub fn values(&self) -> Vec<Value> {
        let graph = self.graph();
        let names = plan::values(graph, &plan::steps(graph, self.float_layers));
        names.iter().filter_map(|name| graph.value(name)).collect()
    }

    /// The quantized model, with the metadata of the original. Ranges of more values than are needed
    /// do no harm.
    ///
    /// # Errors
    /// [`Error::MissingRange`]; [`Error::DuplicateName`] when the model has values that are named
    /// as those of the quantization (`NAME.quantized`, `.dequantized`, `.scale`, `.zero_point`).
    pub fn quantize(&self, ranges: &BTreeMap<String, Range>) -> Result<Model, Error> {
        let source = self.graph();
        let steps = plan::steps(source, self.float_layers);
        let balance = balance::Balance::new(source, &steps, ranges, self.channels);
        let mut writer = write::Writer::new(source, ranges, balance)?;
        for (node, step) in source.nodes().iter().zip(&steps) {
            writer.step(node, step)?;
        }
        Ok(Model {
            graph: writer.finish()?,
            ..self.model.clone()
        })
    }

    fn graph(&self) -> &'a Graph {
        self.model.graph()
    }
}
