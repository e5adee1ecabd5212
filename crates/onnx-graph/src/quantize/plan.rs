//! Which nodes are quantized.

use std::collections::{BTreeMap, BTreeSet};

use super::range::Range;
use crate::{DataType, Graph, Node, TensorType, Value};

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
    let constant = |name: &String| graph.find_initializer(name).is_some();
    node.op_type == "Add"
        && !constant(one)
        && !constant(other)
        && graph.type_of(one) == graph.type_of(other)
        && makes_floats(graph, node)
}

fn makes_floats(graph: &Graph, node: &Node) -> bool {
    let float = |known: &TensorType| known.data_type == DataType::F32;
    let output = node.outputs.first().and_then(|name| graph.type_of(name));
    output.is_some_and(float)
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
