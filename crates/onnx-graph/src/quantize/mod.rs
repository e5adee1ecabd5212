//! Static quantization to 8 bits.

mod integer;
mod plan;

use std::collections::BTreeMap;

pub use integer::{Channel, Range};
use integer::{Filters, Input, Neighbours, Quantization};
use plan::{Action, Activation, Equalization};

use crate::Error;
use crate::data_type::Element;
use crate::graph::{Declared, Graph};
use crate::model::Model;
use crate::node::{Attribute, Node};
use crate::value::{Tensor, Value};

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
        plan::layers(self.model.graph())
    }

    /// The values whose ranges are needed, in topological order.
    pub fn values(&self) -> Vec<Value> {
        let graph = self.model.graph();
        let names = plan::values(graph, &plan::actions(graph, self.float_layers));
        names.iter().filter_map(|name| graph.value(name)).collect()
    }

    /// The quantized model, with the metadata of the original. Ranges of other values are ignored.
    ///
    /// # Errors
    /// [`Error::MissingRange`]; [`Error::DuplicateName`] when the model has values with the names of
    /// the quantization's (`NAME.quantized`, `.dequantized`, `.scale`, `.zero_point`).
    pub fn quantize(&self, ranges: &BTreeMap<String, Range>) -> Result<Model, Error> {
        let source = self.model.graph();
        let actions = plan::actions(source, self.float_layers);
        let equalization = Equalization::new(source, &actions, ranges, self.channels);
        let mut writer = Writer::new(source, ranges, equalization)?;
        for (node, action) in source.nodes().iter().zip(&actions) {
            writer.write(node, action)?;
        }
        Ok(Model { graph: writer.finish()?, ..self.model.clone() })
    }
}

/// Writes the quantized graph, node by node.
struct Writer<'a> {
    source: &'a Graph,
    ranges: &'a BTreeMap<String, Range>,
    equalization: Equalization<'a>,
    graph: Graph,
    /// The parameters of the quantized values.
    quantized: BTreeMap<String, Quantization>,
    declared: Declared,
}

impl<'a> Writer<'a> {
    fn new(
        source: &'a Graph,
        ranges: &'a BTreeMap<String, Range>,
        equalization: Equalization<'a>,
    ) -> Result<Self, Error> {
        let mut graph = Graph::new(source.name());
        for input in source.inputs() {
            graph.input(&input.name, input.data_type(), input.shape())?;
        }
        let results = source.nodes().iter().flat_map(Node::outputs);
        let typed = results.filter_map(|name| Some((name.clone(), source.type_of(name)?.clone())));
        Ok(Self {
            declared: typed.collect(),
            source,
            ranges,
            equalization,
            graph,
            quantized: BTreeMap::new(),
        })
    }

    fn write(&mut self, node: &Node, action: &Action) -> Result<(), Error> {
        let activation = match action {
            Action::Folded => return Ok(()),
            Action::Float => return self.float(node),
            Action::Add(activation) => {
                self.float(node)?;
                activation
            }
            Action::Conv(activation) => {
                self.conv(node, activation)?;
                activation
            }
        };
        self.quantize(&node.outputs[0], &activation.value, activation.limits)
    }

    /// The finished graph, with the outputs of the source under their names.
    fn finish(mut self) -> Result<Graph, Error> {
        for output in self.source.outputs() {
            let name = &output.name;
            if self.source.find_initializer(name).is_some() {
                self.constant(name)?;
            }
            if self.graph.defines(name) {
                self.graph.mark_output(output.clone())?;
                continue;
            }
            let undefined = || Error::undefined(format!("output `{name}`"), name);
            let value = self.graph.value(&dequantized(name)).ok_or_else(undefined)?;
            self.graph.output(name, &value)?;
        }
        Ok(self.graph)
    }

    /// Keeps a node, whose inputs may be quantized values.
    fn float(&mut self, node: &Node) -> Result<(), Error> {
        let mut node = node.clone();
        for input in &mut node.inputs {
            self.constant(input)?;
            if self.quantized.contains_key(input) {
                *input = dequantized(input);
            }
        }
        self.graph.push(node, &self.declared)
    }

    fn conv(&mut self, node: &Node, activation: &Activation) -> Result<(), Error> {
        let (input, weight) = (&node.inputs[0], &node.inputs[1]);
        if !self.quantized.contains_key(input) {
            self.quantize(input, input, None)?;
        }
        let Some(tensor) = self.source.find_initializer(weight) else {
            return Err(Error::undefined(format!("node `{}`", node.label()), weight));
        };
        let bias = node.inputs.get(2).and_then(|bias| self.source.find_initializer(bias));
        let filters = self.quantized_filters(input, tensor, bias, activation)?;
        let count = filters.scales.len();
        let mut node = node.clone();
        node.inputs[0] = dequantized(input);
        let zeros = vec![0_i8; count];
        node.inputs[1] =
            self.filters(weight, tensor.shape(), &filters.weight, &filters.scales, Some(&zeros))?;
        if let Some(bias) = bias {
            node.inputs[2] =
                self.filters(bias.name(), &[count], &filters.bias, &filters.bias_scales, None)?;
        }
        self.graph.push(node, &self.declared)
    }

    /// The quantized filters of a convolution, whose input and result may be scaled by channel.
    fn quantized_filters(
        &self,
        input: &str,
        weight: &Tensor,
        bias: Option<&Tensor>,
        activation: &Activation,
    ) -> Result<Filters, Error> {
        let count = weight.shape().first().copied().unwrap_or_default();
        let mut weights = weight.values()?;
        let mut biases = bias.map_or_else(|| Ok(vec![0.0; count]), Tensor::values)?;
        let length = (weights.len() / count.max(1)).max(1);
        if let Some(factors) = self.equalization.factors(&activation.value) {
            scale(&mut weights, length, factors, |one, factor| one * factor);
            scale(&mut biases, 1, factors, |one, factor| one * factor);
        }
        // Only a depthwise convolution has a scaled input: there is one filter per channel.
        if let Some(factors) = self.equalization.factors(input) {
            scale(&mut weights, length, factors, |one, factor| one / factor);
        }
        let means = bias.and_then(|_| self.equalization.means(input));
        let input = Input {
            quantization: self.quantized[input],
            channels: weight.shape().get(1).copied().unwrap_or(1),
            means,
        };
        Ok(Filters::new(&weights, &biases, Neighbours::of(weight.shape()), &input))
    }

    /// Writes integer constants with a scale for each filter, and returns the name of the dequantized
    /// value. A weight that several nodes share is written for each of them, as their inputs may
    /// differ.
    fn filters<T: Element>(
        &mut self,
        name: &str,
        shape: &[usize],
        integers: &[T],
        scales: &[f32],
        zero_points: Option<&[i8]>,
    ) -> Result<String, Error> {
        let name = self.unused(name);
        let scale = self.graph.initializer(&format!("{name}.scale"), &[scales.len()], scales)?;
        let integers = self.graph.initializer(&format!("{name}.quantized"), shape, integers)?;
        let mut inputs = vec![&integers, &scale];
        let zero_points = zero_points
            .map(|zeros| {
                self.graph.initializer(&format!("{name}.zero_point"), &[zeros.len()], zeros)
            })
            .transpose()?;
        inputs.extend(&zero_points);
        let made = dequantized(&name);
        let node = Node::new(&made, "DequantizeLinear", &inputs);
        self.graph.node(node.with_attribute("axis", Attribute::Int(0)))?;
        Ok(made)
    }

    /// `name`, with a number appended if it is taken.
    fn unused(&self, name: &str) -> String {
        let taken = |name: &String| self.graph.defines(&dequantized(name));
        let mut numbered = (2..).map(|number: u32| format!("{name}.{number}"));
        let first = Some(name.to_owned()).filter(|name| !taken(name));
        first.or_else(|| numbered.find(|name| !taken(name))).unwrap_or_default()
    }

    /// Quantizes and dequantizes `source`; the result takes the place of `value`.
    fn quantize(&mut self, source: &str, value: &str, limits: Option<Range>) -> Result<(), Error> {
        let missing = || Error::MissingRange { value: value.to_owned() };
        let range = *self.ranges.get(value).ok_or_else(missing)?;
        let range = limits.map_or(range, |limits| range.within(limits));
        let quantization = range.quantization();
        let undefined = || Error::undefined(format!("`{value}`"), source);
        let floats = self.graph.value(source).ok_or_else(undefined)?;
        let scale =
            self.graph.initializer(&format!("{value}.scale"), &[], &[quantization.scale])?;
        let zero_point = self.graph.initializer(
            &format!("{value}.zero_point"),
            &[],
            &[quantization.zero_point],
        )?;
        let quantize = Node::new(
            &format!("{value}.quantized"),
            "QuantizeLinear",
            &[&floats, &scale, &zero_point],
        );
        let bytes = self.graph.node(quantize)?;
        let dequantize =
            Node::new(&dequantized(value), "DequantizeLinear", &[&bytes, &scale, &zero_point]);
        self.graph.node(dequantize)?;
        self.quantized.insert(value.to_owned(), quantization);
        Ok(())
    }

    /// Copies a constant of the source, unless `name` is defined already.
    fn constant(&mut self, name: &str) -> Result<(), Error> {
        match self.source.find_initializer(name) {
            Some(tensor) if !self.graph.defines(name) => {
                self.graph.tensor(tensor.clone()).map(|_| ())
            }
            _ => Ok(()),
        }
    }
}

/// Scales each filter, `length` numbers of `filters`, by its factor.
fn scale(filters: &mut [f32], length: usize, factors: &[f32], by: fn(f32, f32) -> f32) {
    for (filter, factor) in filters.chunks_exact_mut(length).zip(factors) {
        for one in filter {
            *one = by(*one, *factor);
        }
    }
}

/// The name of a value after quantization and dequantization.
fn dequantized(value: &str) -> String {
    format!("{value}.dequantized")
}
