//! Static quantization to 8 bits.

mod equalize;
mod plan;
mod range;
mod weight;
mod write;

use std::collections::BTreeMap;

pub use range::{Channel, Range};

use crate::{Error, Graph, Model, Value};

/// Static post-training quantization of convolutions and the sums of their results to 8 bits.
/// Everything else stays in `f32`.
///
/// Weights become signed bytes with a scale for each filter, activations unsigned bytes that cover
/// the [`Range`] observed on calibration inputs. A `Relu` or `Clip` after a convolution or a sum is
/// folded into the range.
///
/// The result has `QuantizeLinear` and `DequantizeLinear` nodes (QDQ format), which every runtime
/// understands and ONNX Runtime fuses into integer operators.
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
/// // The ranges of these values, from running the model on calibration images.
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
        Self { model, float_layers: 0, channels: None }
    }

    /// Keeps the first `layers` convolutions in `f32`: those near the input tend to need more than
    /// 8 bits.
    #[must_use]
    pub fn with_float_layers(self, layers: usize) -> Self {
        Self { float_layers: layers, ..self }
    }

    /// Sets statistics of the channels of the [`values`](Self::values) on calibration inputs, which
    /// improve the accuracy by bias correction and cross-layer equalization
    /// ([Nagel et al. 2019](https://arxiv.org/abs/1906.04721)): a filter's rounding error for the
    /// mean input is subtracted from its bias, and a value between a convolution and a depthwise one
    /// is scaled so that each channel fills the range.
    #[must_use]
    pub fn with_channels(self, channels: &'a BTreeMap<String, Vec<Channel>>) -> Self {
        Self { channels: Some(channels), ..self }
    }

    /// The results of the convolutions that could be quantized, in topological order.
    pub fn layers(&self) -> Vec<Value> {
        plan::layers(self.graph())
    }

    /// The values whose ranges are needed, in topological order.
    pub fn values(&self) -> Vec<Value> {
        let graph = self.graph();
        let names = plan::values(graph, &plan::actions(graph, self.float_layers));
        names.iter().filter_map(|name| graph.value(name)).collect()
    }

    /// The quantized model, with the metadata of the original. Ranges of other values are ignored.
    ///
    /// # Errors
    /// [`Error::MissingRange`]; [`Error::DuplicateName`] when the model has values with the names of
    /// the quantization's (`NAME.quantized`, `.dequantized`, `.scale`, `.zero_point`).
    pub fn quantize(&self, ranges: &BTreeMap<String, Range>) -> Result<Model, Error> {
        let source = self.graph();
        let actions = plan::actions(source, self.float_layers);
        let equalization = equalize::Equalization::new(source, &actions, ranges, self.channels);
        let mut writer = write::Writer::new(source, ranges, equalization)?;
        for (node, action) in source.nodes().iter().zip(&actions) {
            writer.write(node, action)?;
        }
        Ok(Model { graph: writer.finish()?, ..self.model.clone() })
    }

    fn graph(&self) -> &'a Graph {
        self.model.graph()
    }
}
