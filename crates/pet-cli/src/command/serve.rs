//! `pet-cli serve` and `pet-cli health`

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use pet_api::{Application, Configuration, FeedbackFolder, ModelFolder, Share, Successor};

use crate::arguments::{
    CacheArgument, LimitArguments, PrecisionArgument, ResultsArgument, bytes, count, folder,
    some_folder,
};
use crate::failure::Failure;
use crate::output;
use crate::telemetry::{LogArguments, TraceArguments, Traces};

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
    #[arg(long, env = "PET_MEMORY", value_name = "BYTES", value_parser = bytes)]
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

/// The models besides the served one.
#[derive(Args)]
struct ModelArguments {
    /// Also predict the same photos with the model in this folder while the service is otherwise idle, without
    /// returning the results, and count in the metrics how often it agrees; `DIR=25%` for a quarter of the photos
    #[arg(long, env = "PET_SHADOW", value_name = "DIR[=SHARE%]", value_parser = shadow)]
    shadow: Option<SharedModel>,
    /// Answer a share of the photos with the model in this folder, such as `next=5%`; a photo is always answered by the
    /// same model
    #[arg(long, env = "PET_CANARY", value_name = "DIR=SHARE%", value_parser = canary)]
    canary: Option<SharedModel>,
    /// Also serve the models in this folder, each under the name of its subfolder: `/predict?model=NAME`. With the
    /// admin token, they can be loaded and unloaded while the service runs
    #[arg(long, env = "PET_MODELS", value_name = "DIR", value_parser = folder())]
    models: Option<PathBuf>,
    /// Maximum number of these models loaded at a time, for which memory is reserved [default: the number at the start
    /// plus one]
    #[arg(long, env = "PET_MAX_MODELS", value_name = "COUNT", value_parser = count)]
    max_models: Option<NonZero<usize>>,
}

/// A folder with a share; `None` for an empty environment variable.
type SharedModel = Option<(PathBuf, Share)>;

impl ModelArguments {
    /// Adds the models to the configuration of the service.
    fn add_to(&self, configuration: &mut Configuration) -> Result<(), pet_api::Error> {
        configuration.shadow = successor(self.shadow.as_ref());
        configuration.canary = successor(self.canary.as_ref());
        let folder = some_folder(self.models.as_ref());
        let folder = folder.map(|folder| ModelFolder::new(folder, self.max_models));
        configuration.models = folder.transpose()?;
        Ok(())
    }
}

fn successor(named: Option<&SharedModel>) -> Option<Successor> {
    let (folder, share) = named?.clone()?;
    Some(Successor { results: folder.into(), share })
}

/// Where feedback on predictions is kept.
#[derive(Args)]
struct FeedbackArguments {
    /// Save images that people correct or confirm in this folder, as class folders to train on; without it nothing is
    /// saved
    #[arg(long, env = "PET_FEEDBACK", value_name = "DIR", value_parser = folder())]
    feedback: Option<PathBuf>,
    /// Maximum size of that folder, such as 512M or 2GiB; more is rejected with status 507
    #[arg(long, env = "PET_FEEDBACK_BYTES", value_name = "BYTES", default_value = "1GiB", value_parser = bytes)]
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

pub(crate) fn serve(arguments: &ServeArguments) -> Result<(), Failure> {
    let traces = arguments.traces.start()?;
    arguments.log.start(traces.as_ref());
    let runtime = arguments.cache.runtime()?;
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
    let (memory, uploads) = (arguments.memory, arguments.upload_memory);
    configuration.divide_memory(memory, arguments.workers, uploads)?;
    Ok(configuration)
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

/// Parses `DIR` or `DIR=SHARE%`.
fn shadow(text: &str) -> Result<SharedModel, String> {
    if text.is_empty() {
        return Ok(None);
    }
    match text.rsplit_once('=') {
        Some((folder, share)) if share.ends_with('%') => with_share(folder, share).map(Some),
        _ => Ok(Some((text.into(), Share::ALL))),
    }
}

/// Parses `DIR=SHARE%`.
fn canary(text: &str) -> Result<SharedModel, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let (folder, share) = text.rsplit_once('=').unwrap_or((text, ""));
    with_share(folder, share).map(Some)
}

fn with_share(folder: &str, share: &str) -> Result<(PathBuf, Share), String> {
    let percent = share.strip_suffix('%').and_then(|share| share.trim().parse().ok());
    let share = percent.and_then(Share::from_percent);
    let share = share.filter(|_| !folder.is_empty());
    let share =
        share.ok_or("expected a folder and a share from 0.01% to 100%, such as `DIR=5%`")?;
    Ok((folder.into(), share))
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

pub(crate) fn health(arguments: &HealthArguments) -> Result<(), Failure> {
    let url = arguments.url.clone().unwrap_or_else(|| {
        let port = arguments.port.or_else(port_from_host);
        format!("http://127.0.0.1:{}/health/ready", port.unwrap_or(Configuration::default().port))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_can_follow_the_folder() {
        let named =
            |folder: &str, percent| Some((folder.into(), Share::from_percent(percent).unwrap()));
        assert_eq!(shadow("next").unwrap(), named("next", 100.0));
        assert_eq!(shadow("next=25%").unwrap(), named("next", 25.0));
        assert_eq!(shadow("a=b=0.5%").unwrap(), named("a=b", 0.5));
        assert_eq!(shadow("a=b").unwrap(), named("a=b", 100.0));
        assert_eq!(shadow("").unwrap(), None);
        for wrong in ["next=0%", "next=101%", "next=x%", "next=%", "=5%"] {
            assert!(shadow(wrong).is_err() && canary(wrong).is_err(), "{wrong}");
        }
        assert_eq!(canary("a=b=5%").unwrap(), named("a=b", 5.0));
        assert!(canary("next").is_err() && canary("next=5").is_err());
    }
}
