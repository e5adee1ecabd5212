//! The log of the service, on standard error.

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::prelude::*;

/// How the service says what it does.
#[derive(Args)]
pub(crate) struct LogArguments {
    /// How a line of the log is written
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
    /// And what needs a look
    Warn,
    /// And every request
    Info,
}

impl LogArguments {
    /// Writes the log from now on.
    pub(crate) fn start(&self) {
        let level = match self.log_level {
            Level::Error => LevelFilter::ERROR,
            Level::Warn => LevelFilter::WARN,
            Level::Info => LevelFilter::INFO,
        };
        // What the framework says of broken requests is no failure of the service.
        let targets = Targets::new()
            .with_default(level)
            .with_target("actix_http", LevelFilter::OFF)
            .with_target("actix_server", LevelFilter::WARN.min(level));
        let log = layer().with_writer(std::io::stderr).with_target(false);
        let log = match self.log_format {
            Format::Text => log.with_ansi(false).boxed(),
            Format::Json => log.json().flatten_event(true).boxed(),
        };
        tracing_subscriber::registry()
            .with(log.with_filter(targets))
            .init();
    }
}
