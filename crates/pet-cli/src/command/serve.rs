//! `pet-cli serve` and `pet-cli health`

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use pet_api::{Application, Configuration, Demand, FeedbackFolder, Sizing};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

use crate::arguments::{
    CacheArgument, LimitArguments, PrecisionArgument, ResultsArgument, count, folder, some_folder,
};
use crate::command::serve_models::ModelArguments;
use crate::failure::Failure;
use crate::traces::{TraceArguments, Traces};
use crate::{memory, output, workspace};

/// The default port.
const PORT: u16 = 8000;

/// Serve the model: REST API and web page
///
/// Runs until it is stopped (Ctrl-C or `SIGTERM`), then finishes the requests it has accepted. `SIGHUP` reloads the
/// models. Uploads are not written to disk, except for corrections with `--feedback`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli serve                                   the page is at http://127.0.0.1:8000/
  pet-cli serve --host 0.0.0.0 --port 9000        reachable from other machines
  curl -F file=@photo.jpg 'http://127.0.0.1:8000/predict?top_k=5'")]
pub(crate) struct ServeArguments {
    /// Address to listen on; 0.0.0.0 for all addresses of this machine
    #[arg(long, env = "PET_HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen on; 0 for any free port [default: `PORT`, otherwise 8000]
    #[arg(long, env = "PET_PORT")]
    port: Option<u16>,
    /// Port for the Open Inference Protocol over gRPC, in programs built with the feature `grpc`; 0 for any free port
    /// [default: no gRPC]
    #[arg(long, env = "PET_GRPC_PORT", value_name = "PORT", value_parser = grpc_port, hide = !cfg!(feature = "grpc"))]
    grpc_port: Option<u16>,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    precision: PrecisionArgument,
    #[command(flatten)]
    models: ModelArguments,
    /// Number of worker threads for predictions [default: one per processor, if the memory allows]
    #[arg(long, env = "PET_WORKERS", value_name = "COUNT", value_parser = count)]
    workers: Option<NonZero<usize>>,
    /// Maximum requests waiting for a worker; more are rejected with status 429
    #[arg(long, env = "PET_QUEUE", value_name = "COUNT", default_value = "64", value_parser = count)]
    queue: NonZero<usize>,
    /// Maximum images per request
    #[arg(
        long,
        env = "PET_MAX_BATCH",
        value_name = "COUNT",
        default_value = "32",
        value_parser = count
    )]
    max_batch: NonZero<usize>,
    #[command(flatten)]
    limits: LimitArguments,
    /// Memory that the service may use, such as 512M or 2GiB [default: its container's limit, otherwise 512 MiB plus
    /// 256 MiB per worker]
    #[arg(long, env = "PET_MEMORY", value_name = "BYTES", value_parser = memory::parse)]
    memory: Option<u64>,
    /// Memory for all uploads together, in bytes; more are rejected with status 429 [default: a quarter of the memory
    /// not used by workers, at most 256 MiB]
    #[arg(long, env = "PET_UPLOAD_MEMORY", value_name = "BYTES")]
    upload_memory: Option<usize>,
    /// Number of latest photos over which drift (`pet_drift_*`) is measured, 200 to 10000
    #[arg(long, env = "PET_DRIFT_WINDOW", value_name = "COUNT", default_value_t = 1000,
          value_parser = clap::value_parser!(u64).range(200..=10_000))]
    drift_window: u64,
    /// Maximum seconds per request
    #[arg(long, env = "PET_REQUEST_TIMEOUT", value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
    request_timeout: u64,
    /// Seconds to finish accepted requests when the service is stopped
    #[arg(long, env = "PET_GRACE", value_name = "SECONDS", default_value_t = 30, value_parser = seconds())]
    grace: u64,
    /// Secret for `POST /model/reload`, `POST /v2/repository/…` and `GET /feedback`; without it they are disabled
    #[arg(long, env = "PET_ADMIN_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    admin_token: Option<String>,
    #[command(flatten)]
    feedback: FeedbackArguments,
    #[command(flatten)]
    traces: TraceArguments,
    #[command(flatten)]
    log: LogArguments,
    #[command(flatten)]
    cache: CacheArgument,
}

/// Where feedback on predictions is kept.
#[derive(Args)]
struct FeedbackArguments {
    /// Save images that people correct or confirm in this folder, as class folders to train on; without it nothing is
    /// saved
    #[arg(long, env = "PET_FEEDBACK", value_name = "DIR", value_parser = folder())]
    feedback: Option<PathBuf>,
    /// Maximum size of that folder, such as 512M or 2GiB; more is rejected with status 507
    #[arg(long, env = "PET_FEEDBACK_BYTES", value_name = "BYTES", default_value = "1GiB", value_parser = memory::parse)]
    feedback_bytes: u64,
    /// Maximum number of images in that folder
    #[arg(long, env = "PET_FEEDBACK_COUNT", value_name = "COUNT", default_value_t = 10_000)]
    feedback_count: u64,
}

impl FeedbackArguments {
    fn folder(&self) -> Option<FeedbackFolder> {
        let folder = some_folder(self.feedback.as_ref())?;
        Some(FeedbackFolder { folder, bytes: self.feedback_bytes, count: self.feedback_count })
    }
}

/// Check whether a running service is ready
///
/// Exits with 0 if the service responds with `200 OK`, otherwise with 1. For container health checks, where no other
/// HTTP client may be available.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli health
  pet-cli health --url http://127.0.0.1:9000/health/live")]
pub(crate) struct HealthArguments {
    /// URL to check [default: /health/ready on this machine, at the service's port]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Port of the service on this machine [default: `PORT`, otherwise 8000]
    #[arg(long, env = "PET_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// How long to wait for the response, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    timeout: u64,
}

/// Parses the port for gRPC. Without the feature, no port is valid.
fn grpc_port(text: &str) -> Result<u16, String> {
    if cfg!(feature = "grpc") {
        text.parse().map_err(|error| format!("expected a port from 0 to 65535: {error}"))
    } else {
        Err("this program was built without gRPC (the feature `grpc`)".to_owned())
    }
}

/// Parses a duration of 1 second to 1 day.
fn seconds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(1..=86_400)
}

pub(crate) fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let traces = arguments.traces.start()?;
    arguments.log.start(traces.as_ref());
    let runtime = workspace::runtime(&arguments.cache)?;
    let mut configuration = configuration(arguments)?;
    configuration.tracer = traces.as_ref().map(Traces::tracer);
    let host = configuration.host.clone();
    let outcome = pet_api::block_on(async {
        let application = Application::build(configuration, runtime)?;
        let handle = application.handle();
        handle.obey_signals()?;
        let address = format!("http://{host}:{}/", application.port());
        tracing::info!(address, "listening");
        #[cfg(feature = "grpc")]
        if let Some(port) = application.grpc_port() {
            tracing::info!(address = format!("{host}:{port}"), "listening for gRPC");
        }
        application.run_until_stopped().await?;
        Ok(handle.time_to_stop())
    });
    let time = *outcome.as_ref().unwrap_or(&Duration::ZERO);
    if let Some(traces) = traces {
        traces.stop(time);
    }
    outcome.map(drop)
}

fn configuration(arguments: &ServeArguments) -> Result<Configuration, Failure> {
    let default = Configuration::default();
    let mut configuration = Configuration {
        host: arguments.host.clone(),
        port: arguments.port.or_else(port_from_host).unwrap_or(default.port),
        #[cfg(feature = "grpc")]
        grpc_port: arguments.grpc_port,
        results: arguments.results.find()?,
        precision: arguments.precision.precision.precision(),
        queue: arguments.queue,
        batch: arguments.max_batch,
        limits: arguments.limits.limits(),
        drift_window: usize::try_from(arguments.drift_window)
            .ok()
            .and_then(NonZero::new)
            .unwrap_or(default.drift_window),
        request_timeout: Duration::from_secs(arguments.request_timeout),
        grace: Duration::from_secs(arguments.grace),
        admin_token: arguments.admin_token.clone().filter(|token| !token.is_empty()),
        feedback: arguments.feedback.folder(),
        ..default
    };
    arguments.models.add_to(&mut configuration)?;
    let (workers, sizing) = sizing(arguments, Demand::of(&configuration))?;
    configuration.workers = workers;
    configuration.memory = sizing.uploads;
    configuration.limits.bytes = configuration.limits.bytes.min(sizing.uploads as u64);
    configuration.decoding_memory = sizing.decoding;
    Ok(configuration)
}

/// The number of workers and the division of the memory. By default, as many workers as fit, up to those of `max`.
fn sizing(arguments: &ServeArguments, max: Demand) -> Result<(NonZero<usize>, Sizing), Failure> {
    let memory = arguments.memory.or_else(memory::limit);
    let divide = |workers: NonZero<usize>| {
        let demand = Demand { workers: workers.get(), ..max };
        let memory = memory.unwrap_or_else(|| Sizing::unlimited(demand));
        let sizing = Sizing::new(memory, demand, arguments.upload_memory);
        sizing.map(|sizing| (workers, sizing))
    };
    if let Some(workers) = arguments.workers {
        return Ok(divide(workers)?);
    }
    let mut fewer = (1..=max.workers).rev().filter_map(NonZero::new);
    let fitting = fewer.find_map(|workers| divide(workers).ok());
    Ok(fitting.map_or_else(|| divide(NonZero::<usize>::MIN), Ok)?)
}

/// The log of the service, on standard error.
#[derive(Args)]
struct LogArguments {
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
    fn start(&self, traces: Option<&Traces>) {
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
        layers.extend(traces.map(|traces| traces.layer().boxed()));
        tracing_subscriber::registry().with(layers).init();
        if let Some(traces) = traces {
            traces.announce();
        }
    }
}

pub(crate) fn health(arguments: &HealthArguments) -> Result<(), Failure> {
    let url = arguments.url.clone().unwrap_or_else(|| {
        let port = arguments.port.or_else(port_from_host);
        format!("http://127.0.0.1:{}/health/ready", port.unwrap_or(PORT))
    });
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(arguments.timeout)))
        .proxy(None)
        .build()
        .into();
    match agent.get(&url).call() {
        Ok(_) => output::line(format_args!("{url}: ready")),
        Err(source) => Err(Failure::NotReady { url, source: Box::new(source) }),
    }
}

/// The port that hosting services set.
fn port_from_host() -> Option<u16> {
    std::env::var("PORT").ok()?.parse().ok()
}
