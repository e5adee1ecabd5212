//! The log of the service, and its traces, which are sent to a collector by OTLP over HTTP.

mod collector;

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use pet_api::{TraceContext, Tracer};
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;
use tracing_subscriber::{Layer, Registry};
use ureq::http::{HeaderMap, Uri};

use self::collector::{Bounded, Collector, Delivery, headers};
use crate::failure::Failure;

/// The log of the service, on standard error.
#[derive(Args)]
pub(crate) struct LogArguments {
    /// Format of the log
    #[arg(long, env = "PET_LOG_FORMAT", value_enum, default_value_t = Format::Text)]
    log_format: Format,
    /// What is logged
    #[arg(long, env = "PET_LOG_LEVEL", value_enum, default_value_t = Level::Info)]
    log_level: Level,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// For programs: one JSON object in each line
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Level {
    /// Failures of the service
    Error,
    /// And warnings
    Warn,
    /// And every request
    Info,
}

impl LogArguments {
    /// Starts logging, and collects spans if there are traces.
    pub(crate) fn start(&self, traces: Option<&Traces>) {
        let level = match self.log_level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
        };
        // Broken requests, which the framework logs, are not failures of the service.
        let targets = Targets::new()
            .with_default(level)
            .with_target("actix_http", LevelFilter::OFF)
            .with_target("actix_server", LevelFilter::WARN.min(level));
        let log = layer().with_writer(std::io::stderr).with_target(false);
        let log = match self.log_format {
            Format::Text => log.with_ansi(false).boxed(),
            Format::Json => log.json().flatten_event(true).boxed(),
        };
        // Spans are for traces only; otherwise, they would be part of each line.
        let events = targets.and(filter_fn(|metadata| !metadata.is_span()));
        let mut layers = vec![log.with_filter(events).boxed()];
        layers.extend(traces.map(Traces::layer));
        tracing_subscriber::registry().with(layers).init();
        if let Some(Traces { host, share, .. }) = traces {
            tracing::info!(host, share, "sending spans to a collector");
        }
    }
}

/// Timeout for a request to the collector.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Where traces go.
#[derive(Args)]
pub(crate) struct TraceArguments {
    /// Send traces to this collector, as OTLP over HTTP, such as `http://127.0.0.1:4318`; `/v1/traces` is appended
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    otlp_endpoint: Option<String>,
    /// Headers that the collector requires, such as x-mlflow-experiment-id=0
    #[arg(
        long,
        env = "OTEL_EXPORTER_OTLP_HEADERS",
        value_name = "NAME=VALUE,…",
        hide_env_values = true,
        value_parser = headers
    )]
    otlp_headers: Option<HeaderMap>,
    /// Name of the service in its traces
    #[arg(long, env = "OTEL_SERVICE_NAME", value_name = "NAME", default_value = "pet-classifier")]
    service_name: String,
    /// Share of requests to trace, from 0 to 1; a request with a `traceparent` is traced if its sampled flag is set
    #[arg(long, env = "PET_TRACE_SHARE", value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    trace_share: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok();
    let share = share.filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "expected a number from 0 to 1".into())
}

/// Active traces.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
    delivery: Arc<Delivery>,
    host: String,
    share: f64,
}

impl TraceArguments {
    /// Starts to send spans on a separate thread; `None` without a collector.
    pub(crate) fn start(&self) -> Result<Option<Traces>, Failure> {
        // An empty variable is the same as none.
        let url = self.otlp_endpoint.as_deref().filter(|url| !url.is_empty());
        let Some(url) = url else {
            return Ok(None);
        };
        let host = host(url)?;
        let delivery = Arc::new(Delivery::default());
        let url = format!("{}/v1/traces", url.trim_end_matches('/'));
        let headers = self.otlp_headers.clone().unwrap_or_default();
        let collector = Collector::new(url, headers, TIMEOUT, delivery.clone());
        let resource = Resource::builder()
            .with_service_name(self.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let new = Sampler::TraceIdRatioBased(self.trace_share);
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::ParentBased(Box::new(new)))
            .with_span_processor(Bounded::new(collector, delivery.clone()))
            .build();
        Ok(Some(Traces { provider, delivery, host, share: self.trace_share }))
    }
}

/// The host of a collector's URL, if the URL is supported.
fn host(url: &str) -> Result<String, Failure> {
    let refused = |expected| Failure::Collector { url: url.to_owned(), expected };
    let address = url.parse::<Uri>().ok();
    let parts = address.as_ref().and_then(|address| Some((address.scheme_str()?, address.host()?)));
    match parts {
        Some(("http", host)) => Ok(host.to_owned()),
        // Only the feature `training` includes TLS.
        Some(("https", host)) if cfg!(feature = "training") => Ok(host.to_owned()),
        Some(("https", _)) => Err(refused("`http://…`, since this program is built without TLS")),
        _ => Err(refused("`http://HOST:PORT`")),
    }
}

impl Traces {
    /// Collects spans of this program's own crates, but no events, because log lines may contain data that must not leave the
    /// machine.
    fn layer(&self) -> Box<dyn Layer<Registry> + Send + Sync> {
        let ours =
            filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("pet_"));
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("pet-cli"))
            .with_context_activation(false)
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::INFO))
            .boxed()
    }

    pub(crate) fn tracer(&self) -> Arc<dyn Tracer> {
        self.delivery.clone()
    }

    /// Sends the remaining spans, for at most `time`.
    pub(crate) fn stop(self, time: Duration) {
        let outcome = self.provider.shutdown_with_timeout(time.min(TIMEOUT));
        let lost = self.delivery.lost();
        if outcome.is_err() || lost > 0 {
            tracing::warn!(lost, "not all spans were delivered");
        }
    }
}

impl Tracer for Delivery {
    fn begin(&self, span: &Span, caller: Option<TraceContext>) -> Option<TraceContext> {
        if let Some(caller) = caller {
            let caller = Context::new().with_remote_span_context(remote(caller));
            // Fails if this span is not collected, which is checked below.
            let _ = span.set_parent(caller);
        }
        let context = span.context();
        let own = context.span().span_context().clone();
        own.is_valid().then(|| TraceContext {
            trace_id: u128::from_be_bytes(own.trace_id().to_bytes()),
            span_id: u64::from_be_bytes(own.span_id().to_bytes()),
            sampled: own.is_sampled(),
        })
    }

    fn lost(&self) -> u64 {
        self.lost()
    }
}

fn remote(caller: TraceContext) -> SpanContext {
    SpanContext::new(
        TraceId::from(caller.trace_id),
        SpanId::from(caller.span_id),
        TraceFlags::default().with_sampled(caller.sampled),
        true,
        TraceState::NONE,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_from_0_to_1() {
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["", "-0.1", "1.5", "NaN", "5%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_collector_has_an_http_url() {
        assert_eq!(host("http://me:secret@here:4318/").unwrap(), "here");
        for bad in ["here", "here:4318", "/v1/traces", "ftp://here", "http://"] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
