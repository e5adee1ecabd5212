//! The quantized graph.

use std::collections::BTreeMap;

use super::equalize::Equalization;
use super::plan::{Action, Activation};
use super::range::{Quantization, Range};
use super::weight::{Filters, Input, Neighbours};
use crate::graph::Declared;
use crate::{Attribute, Error, Graph, Node, Tensor};

/// Writes the quantized graph, node by node.
pub(super) struct Writer<'a> {
    source: &'a Graph,
    ranges: &'a BTreeMap<String, Range>,
    equalization: Equalization<'a>,
    graph: Graph,
    /// The parameters of the quantized values.
    quantized: BTreeMap<String, Quantization>,
    declared: Declared,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
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

    pub(super) fn write(&mut self, node: &Node, action: &Action) -> Result<(), Error> {
        match action {
            Action::Folded => Ok(()),
            Action::Float => self.float(node),
            Action::Add(activation) => {
                self.float(node)?;
                self.result(node, activation)
            }
            Action::Conv(activation) => {
                self.conv(node, activation)?;
                self.result(node, activation)
            }
        }
    }

    /// The finished graph, with the outputs of the source under their names.
    pub(super) fn finish(mut self) -> Result<Graph, Error> {
        for output in self.source.outputs() {
            let name = &output.name;
            if self.source.find_initializer(name).is_some() {
                self.constant(name)?;
            }
            if self.graph.defines(name) {
                self.graph.mark_output(output.clone())?;
                continue;
            }
            let user = format!("output `{name}`");
            let undefined = || Error::UndefinedValue { user, value: name.clone() };
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
            return Err(Error::UndefinedValue {
                user: format!("node `{}`", node.label()),
                value: weight.clone(),
            });
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
            for (filter, factor) in weights.chunks_exact_mut(length).zip(factors) {
                for one in filter {
                    *one *= factor;
                }
            }
            for (bias, factor) in biases.iter_mut().zip(factors) {
                *bias *= factor;
            }
        }
        // Only a depthwise convolution has a scaled input: there is one filter per channel.
        if let Some(factors) = self.equalization.factors(input) {
            for (filter, factor) in weights.chunks_exact_mut(length).zip(factors) {
                for one in filter {
                    *one /= factor;
                }
            }
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
    fn filters<T: crate::Element>(
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

    /// Quantizes the result of a node.
    fn result(&mut self, node: &Node, activation: &Activation) -> Result<(), Error> {
        self.quantize(&node.outputs[0], &activation.value, activation.limits)
    }

    /// Quantizes and dequantizes `source`; the result takes the place of `value`.
    fn quantize(&mut self, source: &str, value: &str, limits: Option<Range>) -> Result<(), Error> {
        let missing = || Error::MissingRange { value: value.to_owned() };
        let range = *self.ranges.get(value).ok_or_else(missing)?;
        let range = limits.map_or(range, |limits| range.within(limits));
        let quantization = range.quantization();
        let undefined =
            || Error::UndefinedValue { user: format!("`{value}`"), value: source.to_owned() };
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

/// The name of a value after quantization and dequantization.
fn dequantized(value: &str) -> String {
    format!("{value}.dequantized")
}
