//! Tracking stores, opened for different needs.

use std::path::Path;

use mlflow_client::spool::{Spool, Spooled};
use mlflow_client::{Client, Config, Error, TrackingUri};

use crate::arguments::TrackingArguments;
use crate::failure::Failure;
use crate::output;

/// Characters of a run's id that fit into a line of 80; `runs show` takes the beginning of an id.
pub(crate) const SHORT_ID: usize = 10;

/// Repetitions of a request while training, unless `MLFLOW_HTTP_REQUEST_MAX_RETRIES` says otherwise: MLflow's seven
/// would make training wait four minutes, and what fails is kept and sent later.
const TRAINING_RETRIES: u32 = 2;

/// What the arguments or MLflow's environment variables say.
pub(crate) fn config(arguments: &TrackingArguments) -> Result<Config, Failure> {
    let lookup = |name: &str| match &arguments.tracking_uri {
        Some(uri) if name == "MLFLOW_TRACKING_URI" => Some(uri.clone()),
        _ => std::env::var(name).ok(),
    };
    Ok(Config::from_lookup(lookup)?)
}

/// Opens the store if it is there; a local database is not made. One that was asked for by name has to be there.
pub(crate) fn existing(arguments: &TrackingArguments) -> Result<Option<Client>, Failure> {
    let config = config(arguments)?;
    match &config.tracking_uri {
        uri if *uri == TrackingUri::default() && !Path::new("mlflow.db").exists() => Ok(None),
        TrackingUri::Local { database } if !database.exists() => Err(Error::NotFound {
            what: "database",
            name: database.display().to_string(),
        }
        .into()),
        _ => Ok(Some(Client::open(&config)?)),
    }
}

/// Opens the store for training, and finds out at once whether it answers.
pub(crate) fn for_training(arguments: &TrackingArguments) -> Result<(Client, Config), Failure> {
    let mut config = config(arguments)?;
    if std::env::var_os("MLFLOW_HTTP_REQUEST_MAX_RETRIES").is_none() {
        config.http.max_retries = TRAINING_RETRIES;
    }
    let client = Client::open(&config)?;
    client.check()?;
    Ok((client, config))
}

/// Where training keeps what it cannot send.
pub(crate) fn spool(cache: &Path) -> Spool {
    Spool::new(cache.join("spool"))
}

/// Says that a run could not be sent.
pub(crate) fn note_spooled(name: &str, spooled: Option<&Spooled>) {
    let Some(Spooled { path, reason, .. }) = spooled else {
        return;
    };
    output::note(format_args!(
        "warning: run `{name}` could not be sent completely: {reason}\n  kept in `{}`; `pet-cli runs sync` sends it later",
        path.display()
    ));
}
