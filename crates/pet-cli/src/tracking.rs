//! Tracking stores.

use std::path::Path;

use clap::Args;
use mlflow_client::{Client, Config, Error, OnWaiting, TrackingUri, Waiting};

use crate::failure::Failure;
use crate::output;

/// The default MLflow experiment.
pub(crate) const EXPERIMENT: &str = "OxfordPetExperiment";

/// Default number of retries while training. MLflow's default of 7 would block training for four minutes; what cannot be
/// sent is kept and sent later.
const TRAINING_RETRIES: u32 = 2;

/// Where runs and models are recorded.
#[derive(Args, Clone)]
pub(crate) struct TrackingArguments {
    /// An MLflow server (http://…) or a local database (sqlite:///…) [default: `MLFLOW_TRACKING_URI`, else ./mlflow.db]
    #[arg(long, value_name = "URI", global = true)]
    pub(crate) tracking_uri: Option<String>,
}

impl TrackingArguments {
    /// The configuration from the arguments and MLflow's environment variables.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        let lookup = |name: &str| match &self.tracking_uri {
            Some(uri) if name == "MLFLOW_TRACKING_URI" => Some(uri.clone()),
            _ => std::env::var(name).ok(),
        };
        Ok(Config::from_lookup(lookup)?)
    }

    /// The configuration for training.
    pub(crate) fn for_training(&self) -> Result<Config, Failure> {
        let mut config = self.config()?;
        if std::env::var_os("MLFLOW_HTTP_REQUEST_MAX_RETRIES").is_none() {
            config.http.max_retries = TRAINING_RETRIES;
        }
        Ok(config)
    }

    /// Opens an existing store. A local database is not created; it is an error if one that was given does not exist.
    pub(crate) fn existing(&self) -> Result<Option<Client>, Failure> {
        let mut config = self.config()?;
        config.http.on_waiting = Some(OnWaiting(note_waiting));
        match &config.tracking_uri {
            uri if *uri == TrackingUri::default() && !Path::new("mlflow.db").exists() => Ok(None),
            TrackingUri::Local { database } if !database.exists() => {
                let name = database.display().to_string();
                Err(Error::NotFound { what: "database", name }.into())
            }
            _ => Ok(Some(Client::open(&config)?)),
        }
    }

    /// Opens the store for a command that needs registered models. A local database is not created.
    pub(crate) fn required(&self) -> Result<Client, Failure> {
        self.existing()?.ok_or(Failure::NoModels)
    }
}

fn note_waiting(waiting: &Waiting) {
    let Waiting { server, waited, attempts, timeout, .. } = waiting;
    output::note(format_args!(
        "waiting for `{server}`, which has not responded for {waited:?} (attempts: {attempts}, at most {timeout:?} \
         each); Ctrl-C stops"
    ));
}

/// Which registered model.
#[derive(Args, Clone)]
pub(crate) struct ModelNameArgument {
    /// Name in the model registry [default: one per data set when training, otherwise the only registered one]
    #[arg(long, value_name = "NAME")]
    pub(crate) model_name: Option<String>,
}

impl ModelNameArgument {
    /// The given name of a registered model, or that of the only one.
    pub(crate) fn find(&self, client: &Client) -> Result<String, Failure> {
        if let Some(name) = &self.model_name {
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
}
