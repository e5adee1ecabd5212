//! Cross-layer equalization ([Nagel et al. 2019](https://arxiv.org/abs/1906.04721)).

use std::collections::BTreeMap;

use super::plan::Action;
use super::range::{Channel, Range};
use crate::{Graph, Node};

/// Largest factor of a channel: one that was nearly always 0 in calibration may be large on other inputs.
const MAX_FACTOR: f32 = 16.0;

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
        let factors = self.factors(value);
        let factor = |index: usize| factors.and_then(|all| all.get(index)).copied();
        let scaled =
            |(index, channel): (usize, &Channel)| channel.mean * factor(index).unwrap_or(1.0);
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
