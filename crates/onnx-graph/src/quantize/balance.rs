//! What is known of channels, put to use.

use std::collections::BTreeMap;

use super::plan::Step;
use super::range::{Channel, Range};
use crate::{Graph, Node};

/// By how much a channel is stretched at most: one that was hardly ever met on the examples may be large on others.
const MOST: f32 = 16.0;

/// The factors of the channels of values, and the means of what enters convolutions.
pub(super) struct Balance<'a> {
    channels: Option<&'a BTreeMap<String, Vec<Channel>>>,
    factors: BTreeMap<String, Vec<f32>>,
}

impl<'a> Balance<'a> {
    /// Finds the values that a convolution in integers makes for a depthwise one alone. The latter has a scale for each
    /// channel, so it loses nothing when what enters it is stretched and its weights are shrunk.
    pub(super) fn new(
        graph: &Graph,
        steps: &[Step],
        ranges: &BTreeMap<String, Range>,
        channels: Option<&'a BTreeMap<String, Vec<Channel>>>,
    ) -> Self {
        let mut factors = BTreeMap::new();
        for step in steps {
            let Step::Conv(activation) = step else {
                continue;
            };
            // From 0 on a number that is stretched stays on its side of the limits.
            let rectified = activation
                .limits
                .is_some_and(|limits| limits.minimum() >= 0.0);
            let value = &activation.value;
            let known = channels.and_then(|channels| channels.get(value));
            let (Some(channels), Some(range)) = (known, ranges.get(value)) else {
                continue;
            };
            if rectified && feeds_depthwise(graph, steps, value, channels.len()) {
                let factor = |channel: &Channel| stretch(range.maximum(), channel.maximum);
                factors.insert(value.clone(), channels.iter().map(factor).collect());
            }
        }
        Self { channels, factors }
    }

    /// What the channels of a value are multiplied with.
    pub(super) fn factors(&self, value: &str) -> Option<&[f32]> {
        self.factors.get(value).map(Vec::as_slice)
    }

    /// The means of a value's channels, after they were multiplied.
    pub(super) fn means(&self, value: &str) -> Option<Vec<f32>> {
        let channels = self.channels?.get(value)?;
        let factors = self.factors(value);
        let factor = |index: usize| factors.and_then(|all| all.get(index)).copied();
        let scaled =
            |(index, channel): (usize, &Channel)| channel.mean * factor(index).unwrap_or(1.0);
        Some(channels.iter().enumerate().map(scaled).collect())
    }
}

fn stretch(range: f32, channel: f32) -> f32 {
    let factor = range / channel.max(f32::MIN_POSITIVE);
    if factor.is_finite() {
        factor.clamp(1.0, MOST)
    } else {
        MOST
    }
}

/// Whether all that takes a value is one convolution in integers with a filter for each of its channels.
fn feeds_depthwise(graph: &Graph, steps: &[Step], value: &str, channels: usize) -> bool {
    if graph.outputs().iter().any(|output| output.name == value) {
        return false;
    }
    let takes = |(node, _): &(&Node, &Step)| node.inputs.iter().any(|input| input == value);
    let mut users = graph.nodes().iter().zip(steps).filter(takes);
    let (Some((node, Step::Conv(_))), None) = (users.next(), users.next()) else {
        return false;
    };
    let weight = node
        .inputs
        .get(1)
        .and_then(|name| graph.find_initializer(name));
    weight.is_some_and(|weight| matches!(weight.shape(), [filters, 1, ..] if *filters == channels))
}
