//! Opens tracking stores.

use std::path::Path;

use mlflow_client::{Client, Config, Error, OnWaiting, Timestamp, TrackingUri, Waiting};

use crate::arguments::{ModelNameArgument, TrackingArguments};
use crate::failure::Failure;
use crate::output;

/// Default number of retries while training. MLflow's default of 7 would block training for four minutes; what cannot be
/// sent is kept and sent later.
const TRAINING_RETRIES: u32 = 2;

/// The configuration from the arguments and MLflow's environment variables.
pub(crate) fn config(arguments: &TrackingArguments) -> Result<Config, Failure> {
    let lookup = |name: &str| match &arguments.tracking_uri {
        Some(uri) if name == "MLFLOW_TRACKING_URI" => Some(uri.clone()),
        _ => std::env::var(name).ok(),
    };
    Ok(Config::from_lookup(lookup)?)
}

/// The configuration for training.
pub(crate) fn for_training(arguments: &TrackingArguments) -> Result<Config, Failure> {
    let mut config = config(arguments)?;
    if std::env::var_os("MLFLOW_HTTP_REQUEST_MAX_RETRIES").is_none() {
        config.http.max_retries = TRAINING_RETRIES;
    }
    Ok(config)
}

/// Opens an existing store. A local database is not created; it is an error if one that was given does not exist.
pub(crate) fn existing(arguments: &TrackingArguments) -> Result<Option<Client>, Failure> {
    let mut config = config(arguments)?;
    config.http.on_waiting = Some(OnWaiting(note_waiting));
    match &config.tracking_uri {
        uri if *uri == TrackingUri::default() && !Path::new("mlflow.db").exists() => Ok(None),
        TrackingUri::Local { database } if !database.exists() => {
            Err(Error::NotFound { what: "database", name: database.display().to_string() }.into())
        }
        _ => Ok(Some(Client::open(&config)?)),
    }
}

fn note_waiting(waiting: &Waiting) {
    let Waiting { server, waited, attempts, timeout, .. } = waiting;
    output::note(format_args!(
        "waiting for `{server}`, which has not responded for {waited:?} (attempts: {attempts}, at most {timeout:?} \
         each); Ctrl-C stops"
    ));
}

/// Opens the store for a command that needs registered models. A local database is not created.
pub(crate) fn required(arguments: &TrackingArguments) -> Result<Client, Failure> {
    existing(arguments)?.ok_or(Failure::NoModels)
}

/// The given name of a registered model, or that of the only one.
pub(crate) fn model_name(client: &Client, argument: &ModelNameArgument) -> Result<String, Failure> {
    if let Some(name) = &argument.model_name {
        return Ok(name.clone());
    }
    let models = client.registered_models().map(|model| Ok(model?.name));
    let models: Vec<String> = models.collect::<Result<_, Error>>()?;
    match models.as_slice() {
        [] => Err(Failure::NoModels),
        [only] => Ok(only.clone()),
        _ => Err(Failure::SeveralModels { models }),
    }
}

/// A prefix of a run's ID, which `runs show` accepts.
pub(crate) fn short_id(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

/// A time to the second.
pub(crate) fn short_time(time: Timestamp) -> String {
    let mut text = time.to_string();
    text.truncate(19);
    text
}
