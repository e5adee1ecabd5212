//! Making series and registering them.

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, Result,
};

/// Upper bounds of the histograms in seconds: half a millisecond, as decoding takes, to ten seconds.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

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
    HistogramOpts::new(name, help).buckets(BOUNDS.to_vec())
}

fn register<T: Collector + Clone + 'static>(all: &Registry, series: T) -> Result<T> {
    all.register(Box::new(series.clone()))?;
    Ok(series)
}
