//! `pet-cli models`

use clap::{Args, Subcommand};
use mlflow_client::{Client, Error, ModelVersion, RegisteredModel};
use pet_model::{TrainedOn, VAL_ACC};
use pet_pipeline::trained_on;
use serde_json::{Value, json};

use crate::arguments::JsonArgument;
use crate::failure::Failure;
use crate::tracking::TrackingArguments;
use crate::{about, output, table};

/// Inspect registered models and set aliases
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli models list
  pet-cli models show oxford_pet_classifier
  pet-cli models alias oxford_pet_classifier champion 3")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Subcommand)]
enum Action {
    /// List the registered models
    List,
    /// Show a model's versions, newest first
    Show {
        /// The model's name
        model: String,
    },
    /// Set an alias on a version, replacing its previous version
    Alias {
        /// The model's name
        model: String,
        /// The alias, such as `champion`
        alias: String,
        /// The version
        version: u32,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let client = arguments.tracking.existing()?;
    let json = arguments.json.json;
    match &arguments.action {
        Action::List => list(client.as_ref(), json),
        Action::Show { model } => show(&known(client, model)?, model, json),
        Action::Alias { model, alias, version } => {
            known(client, model)?.set_alias(model, alias, *version)?;
            if json {
                let set = json!({ "model": model, "alias": alias, "version": version });
                return output::json(&set);
            }
            output::line(format_args!("`{model}@{alias}` is version {version}"))
        }
    }
}

fn known(client: Option<Client>, model: &str) -> Result<Client, Failure> {
    let (what, name) = ("model", model.to_owned());
    Ok(client.ok_or(Error::NotFound { what, name })?)
}

/// Lists the models, then the one that `predict` and `serve` use by default, which may be none of these.
fn list(client: Option<&Client>, json: bool) -> Result<(), Failure> {
    let models = client.into_iter().flat_map(Client::registered_models);
    let models = models.collect::<Result<Vec<_>, _>>()?;
    if json {
        return output::json(&models.iter().map(as_json).collect::<Vec<Value>>());
    }
    let row = |model: &RegisteredModel| {
        let aliases = model.aliases.iter();
        let aliases = aliases.map(|(alias, version)| format!("{alias} is version {version}"));
        vec![model.name.clone(), aliases.collect::<Vec<_>>().join(", ")]
    };
    if models.is_empty() {
        output::line("no models")?;
    } else {
        table::print(&["name", "aliases"], models.iter().map(row))?;
    }
    output::line(format_args!("\nmodel in use: {}", about::default_model()))
}

fn as_json(model: &RegisteredModel) -> Value {
    json!({
        "name": model.name,
        "description": model.description,
        "creation_time": model.creation_time,
        "last_updated_time": model.last_updated_time,
        "tags": model.tags,
        "aliases": model.aliases,
    })
}

fn show(client: &Client, model: &str, as_json: bool) -> Result<(), Failure> {
    // Fails for a missing model, as opposed to one without versions.
    client.registered_model(model)?;
    let mut versions = Vec::new();
    for version in client.model_versions(model) {
        // Searches on a server don't return aliases.
        let version = client.model_version(model, version?.version)?;
        let data = data(client, &version)?;
        versions.push((version, data));
    }
    let versions = versions.iter();
    if as_json {
        let versions = versions.map(|(version, data)| version_as_json(version, data.as_ref()));
        return output::json(&versions.collect::<Vec<Value>>());
    }
    let heads = [">version", "created (UTC)", ">val_acc", "run", "data set", "aliases"];
    table::print(&heads, versions.map(|(version, data)| row(version, data.as_ref())))
}

/// The training data of a version, if its run has a record.
fn data(client: &Client, version: &ModelVersion) -> Result<Option<TrainedOn>, Failure> {
    match version.run_id.as_deref().map(|id| client.run(id)) {
        Some(Ok(run)) => Ok(trained_on(&run)),
        Some(Err(error)) if !error.is_not_found() => Err(error.into()),
        Some(Err(_)) | None => Ok(None),
    }
}

fn row(version: &ModelVersion, data: Option<&TrainedOn>) -> Vec<String> {
    let metric = |key: &str| version.tags.get(key).and_then(|text| text.parse().ok());
    vec![
        version.version.to_string(),
        table::short_time(version.creation_time),
        table::number(metric(VAL_ACC)),
        table::run_id(version.run_id.as_deref()),
        table::optional(data.map(TrainedOn::short)),
        version.aliases.join(", "),
    ]
}

fn version_as_json(version: &ModelVersion, data: Option<&TrainedOn>) -> Value {
    json!({
        "version": version.version,
        "creation_time": version.creation_time,
        "description": version.description,
        "run_id": version.run_id,
        "source": version.source,
        "status": version.status,
        "dataset": data,
        "tags": version.tags,
        "aliases": version.aliases,
    })
}
