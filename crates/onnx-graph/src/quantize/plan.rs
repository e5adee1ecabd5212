//! Which nodes are quantized, and which channels of their results are scaled: cross-layer equalization
//! ([Nagel et al. 2019](https://arxiv.org/abs/1906.04721)).

use std::collections::{BTreeMap, BTreeSet};

use super::integer::{Channel, Range};
use crate::data_type::DataType;
use crate::graph::Graph;
use crate::node::Node;
use crate::value::Value;

/// Largest factor of a channel: one that was nearly always 0 in calibration may be large on other inputs.
const MAX_FACTOR: f32 = 16.0;

/// What to do with a node.
pub(super) enum Action {
    /// Keep it.
    Float,
    /// Quantize a convolution.
    Conv(Activation),
    /// Quantize a sum of two quantized values.
    Add(Activation),
    /// Drop an activation function whose limits are part of its input's range.
    Folded,
}

/// The result of a quantized node.
#[derive(Clone)]
pub(super) struct Activation {
    /// The value that the rest of the graph uses.
    pub(super) value: String,
    /// The limits of the activation function that is folded into it.
    pub(super) limits: Option<Range>,
}

/// An action for each node.
pub(super) fn actions(graph: &Graph, float_layers: usize) -> Vec<Action> {
    let uses = uses(graph);
    let mut quantized = BTreeSet::new();
    let mut folded = BTreeSet::new();
    let mut layers = 0;
    let mut actions = Vec::with_capacity(graph.nodes().len());
    for node in graph.nodes() {
        let action = if is_layer(graph, node) {
            layers += 1;
            match activation(graph, node, &uses) {
                Some(activation) if layers > float_layers => Action::Conv(activation),
                _ => Action::Float,
            }
        } else if is_sum(graph, node) && node.inputs.iter().all(|input| quantized.contains(input)) {
            activation(graph, node, &uses).map_or(Action::Float, Action::Add)
        } else if node.outputs.iter().any(|output| folded.contains(output)) {
            Action::Folded
        } else {
            Action::Float
        };
        if let Action::Conv(activation) | Action::Add(activation) = &action {
            quantized.insert(activation.value.clone());
            folded.extend(activation.limits.map(|_| activation.value.clone()));
        }
        actions.push(action);
    }
    actions
}

/// The inputs and results of the quantized nodes, each once.
pub(super) fn values(graph: &Graph, actions: &[Action]) -> Vec<String> {
    let mut known = BTreeSet::new();
    let mut values = Vec::new();
    for (node, action) in graph.nodes().iter().zip(actions) {
        let (inputs, made) = match action {
            Action::Conv(activation) => (&node.inputs[..1], &activation.value),
            Action::Add(activation) => (&node.inputs[..], &activation.value),
            Action::Float | Action::Folded => continue,
        };
        let all = inputs.iter().chain([made]);
        values.extend(all.filter(|value| known.insert((*value).clone())).cloned());
    }
    values
}

/// The results of the convolutions that could be quantized.
pub(super) fn layers(graph: &Graph) -> Vec<Value> {
    let layers = graph.nodes().iter().filter(|node| is_layer(graph, node));
    let results = layers.filter_map(|node| node.outputs.first());
    results.filter_map(|name| graph.value(name)).collect()
}

/// A convolution of `f32` with a constant weight, and a constant bias if any.
fn is_layer(graph: &Graph, node: &Node) -> bool {
    let constant = |name: &String| graph.find_initializer(name).is_some();
    let parts = match node.inputs.as_slice() {
        [input, parts @ ..] if node.op_type == "Conv" && !constant(input) => parts,
        _ => return false,
    };
    !parts.is_empty() && parts.iter().all(constant) && makes_floats(graph, node)
}

/// A sum of two values of one shape, neither of them constant.
fn is_sum(graph: &Graph, node: &Node) -> bool {
    let [one, other] = node.inputs.as_slice() else {
        return false;
    };
    node.op_type == "Add"
        && graph.find_initializer(one).or(graph.find_initializer(other)).is_none()
        && graph.type_of(one) == graph.type_of(other)
        && makes_floats(graph, node)
}

fn makes_floats(graph: &Graph, node: &Node) -> bool {
    let output = node.outputs.first().and_then(|name| graph.type_of(name));
    output.is_some_and(|known| known.data_type == DataType::F32)
}

/// The consumers of each value, and the graph's outputs.
struct Uses<'a> {
    nodes: BTreeMap<&'a str, Vec<&'a Node>>,
    outputs: BTreeSet<&'a str>,
}

fn uses(graph: &Graph) -> Uses<'_> {
    let mut nodes: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in graph.nodes() {
        for input in &node.inputs {
            nodes.entry(input).or_default().push(node);
        }
    }
    let outputs = graph.outputs().iter().map(|output| output.name.as_str());
    Uses { nodes, outputs: outputs.collect() }
}

/// The result of a node, with the activation function that is its only consumer; `None` without a
/// result.
fn activation(graph: &Graph, node: &Node, uses: &Uses) -> Option<Activation> {
    let made = node.outputs.first()?;
    let alone = || Activation { value: made.clone(), limits: None };
    let users = uses.nodes.get(made.as_str()).map_or(&[][..], Vec::as_slice);
    let [next] = users else {
        return Some(alone());
    };
    let limits = limits(graph, next).filter(|_| !uses.outputs.contains(made.as_str()));
    let value = next.outputs.first()?.clone();
    Some(limits.map_or_else(alone, |limits| Activation { value, limits: Some(limits) }))
}

/// The limits of a `Relu` or `Clip` that keeps 0.
fn limits(graph: &Graph, node: &Node) -> Option<Range> {
    if node.op_type == "Relu" {
        return Range::new(0.0, f32::MAX);
    }
    if node.op_type != "Clip" {
        return None;
    }
    let limit = |index: usize, default: f32| match node.inputs.get(index) {
        Some(name) if !name.is_empty() => {
            graph.find_initializer(name)?.values().ok()?.first().copied()
        }
        _ => Some(default),
    };
    let range = Range::new(limit(1, f32::MIN)?, limit(2, f32::MAX)?)?;
    (range.minimum() <= 0.0 && range.maximum() >= 0.0).then_some(range)
}

/// Factors and means of the channels of values.
pub(super) struct Equalization<'a> {
    channels: Option<&'a BTreeMap<String, Vec<Channel>>>,
    factors: BTreeMap<String, Vec<f32>>,
}

impl<'a> Equalization<'a> {
    /// Finds the values between a quantized convolution and a depthwise one. The latter has a scale for each channel,
    /// so scaling its input up and its weights down loses nothing.
    pub(super) fn new(
        graph: &Graph,
        actions: &[Action],
        ranges: &BTreeMap<String, Range>,
        channels: Option<&'a BTreeMap<String, Vec<Channel>>>,
    ) -> Self {
        let mut factors = BTreeMap::new();
        for action in actions {
            let Action::Conv(activation) = action else {
                continue;
            };
            // Scaling up keeps numbers of at least 0 on their side of the limit.
            let rectified = activation.limits.is_some_and(|limits| limits.minimum() >= 0.0);
            let value = &activation.value;
            let known = channels.and_then(|channels| channels.get(value));
            let (Some(channels), Some(range)) = (known, ranges.get(value)) else {
                continue;
            };
            if rectified && feeds_depthwise(graph, actions, value, channels.len()) {
                let factor = |channel: &Channel| channel_factor(range.maximum(), channel.maximum);
                factors.insert(value.clone(), channels.iter().map(factor).collect());
            }
        }
        Self { channels, factors }
    }

    /// The factors by which the channels of a value are scaled up.
    pub(super) fn factors(&self, value: &str) -> Option<&[f32]> {
        self.factors.get(value).map(Vec::as_slice)
    }

    /// The means of a value's scaled channels.
    pub(super) fn means(&self, value: &str) -> Option<Vec<f32>> {
        let channels = self.channels?.get(value)?;
        let factors = self.factors(value).unwrap_or_default();
        let factor = |index: usize| factors.get(index).copied().unwrap_or(1.0);
        let scaled = |(index, channel): (usize, &Channel)| channel.mean * factor(index);
        Some(channels.iter().enumerate().map(scaled).collect())
    }
}

fn channel_factor(range: f32, channel: f32) -> f32 {
    let factor = range / channel.max(f32::MIN_POSITIVE);
    if factor.is_finite() { factor.clamp(1.0, MAX_FACTOR) } else { MAX_FACTOR }
}

/// Whether the only consumer of a value is a quantized convolution with one filter per channel.
fn feeds_depthwise(graph: &Graph, actions: &[Action], value: &str, channels: usize) -> bool {
    if graph.outputs().iter().any(|output| output.name == value) {
        return false;
    }
    let consumes = |(node, _): &(&Node, &Action)| node.inputs.iter().any(|input| input == value);
    let mut users = graph.nodes().iter().zip(actions).filter(consumes);
    let (Some((node, Action::Conv(_))), None) = (users.next(), users.next()) else {
        return false;
    };
    let weight = node.inputs.get(1).and_then(|name| graph.find_initializer(name));
    weight.is_some_and(|weight| matches!(weight.shape(), [filters, 1, ..] if *filters == channels))
}
