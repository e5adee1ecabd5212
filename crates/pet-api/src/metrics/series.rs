//! The kinds of series, each registered when it is created.

use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, Result,
};

/// Buckets of durations in seconds: from half a millisecond, as for decoding, to ten seconds.
const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

pub(super) fn counter(all: &Registry, name: &str, help: &str) -> Result<IntCounter> {
    register(all, IntCounter::new(name, help)?)
}

pub(super) fn counters(
    all: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec> {
    register(all, IntCounterVec::new(Opts::new(name, help), labels)?)
}

pub(super) fn gauge(all: &Registry, name: &str, help: &str) -> Result<IntGauge> {
    register(all, IntGauge::new(name, help)?)
}

pub(super) fn gauges(
    all: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec> {
    register(all, IntGaugeVec::new(Opts::new(name, help), labels)?)
}

/// A gauge that is absent until it has a value.
pub(super) fn optional_gauge(all: &Registry, name: &str, help: &str) -> Result<GaugeVec> {
    register(all, GaugeVec::new(Opts::new(name, help), &[])?)
}

pub(super) fn histogram(all: &Registry, name: &str, help: &str) -> Result<Histogram> {
    register(all, Histogram::with_opts(options(name, help))?)
}

pub(super) fn histograms(
    all: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<HistogramVec> {
    register(all, HistogramVec::new(options(name, help), labels)?)
}

fn options(name: &str, help: &str) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(DURATION_BUCKETS.to_vec())
}

pub(super) fn register<T: Collector + Clone + 'static>(all: &Registry, series: T) -> Result<T> {
    all.register(Box::new(series.clone()))?;
    Ok(series)
}
