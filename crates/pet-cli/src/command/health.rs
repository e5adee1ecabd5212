//! `pet-cli health`

use std::time::Duration;

use clap::Args;

use crate::failure::Failure;
use crate::output;

/// Where the service listens unless it is told otherwise.
const PORT: u16 = 8000;

/// Ask a running service whether it is ready
///
/// Exits with 0 when the service answers `200 OK`, else with 1; for the health checks of containers, which may have no
/// other program to ask with.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli health
  pet-cli health --url http://127.0.0.1:9000/health/live")]
pub(crate) struct Arguments {
    /// Address to ask [default: /health/ready on this machine, at the port of the service]
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Port of the service on this machine [default: `PORT`, else 8000]
    #[arg(long, env = "PET_PORT", value_name = "PORT")]
    port: Option<u16>,
    /// How long to wait for the answer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2)]
    timeout: u64,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let url = arguments.url.clone().unwrap_or_else(|| {
        let port = arguments.port.or_else(port_of_the_host);
        format!("http://127.0.0.1:{}/health/ready", port.unwrap_or(PORT))
    });
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(arguments.timeout)))
        .proxy(None)
        .build()
        .into();
    match agent.get(&url).call() {
        Ok(_) => output::line(format_args!("{url}: ready")),
        Err(source) => Err(Failure::NotReady {
            url,
            source: Box::new(source),
        }),
    }
}

/// What hosting services set.
pub(crate) fn port_of_the_host() -> Option<u16> {
    std::env::var("PORT").ok()?.parse().ok()
}
