//! `pet-cli models`

mod show;

use clap::{Args, Subcommand};
use mlflow_client::{Client, Error, RegisteredModel};
use serde_json::{Value, json};

use crate::arguments::{JsonArgument, TrackingArguments};
use crate::failure::Failure;
use crate::{output, tracking};

/// Look at the registered models, and point aliases to versions
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
    /// Show a model's versions, the newest first
    Show {
        /// The model's name
        model: String,
    },
    /// Let an alias point to a version, wherever it pointed before
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
    let client = tracking::existing(&arguments.tracking)?;
    let json = arguments.json.json;
    match &arguments.action {
        Action::List => list(client.as_ref(), json),
        Action::Show { model } => show::run(&known(client, model)?, model, json),
        Action::Alias {
            model,
            alias,
            version,
        } => {
            known(client, model)?.set_alias(model, alias, *version)?;
            if json {
                return output::json(
                    &json!({ "model": model, "alias": alias, "version": version }),
                );
            }
            output::line(format_args!("`{model}@{alias}` is version {version}"))
        }
    }
}

fn known(client: Option<Client>, model: &str) -> Result<Client, Failure> {
    let (what, name) = ("model", model.to_owned());
    Ok(client.ok_or(Error::NotFound { what, name })?)
}

fn list(client: Option<&Client>, json: bool) -> Result<(), Failure> {
    let models = client.map(|client| client.registered_models().collect::<Result<Vec<_>, _>>());
    let models = models.transpose()?.unwrap_or_default();
    if json {
        return output::json(&models.iter().map(as_json).collect::<Vec<Value>>());
    }
    if models.is_empty() {
        return output::line("no models");
    }
    models.iter().try_for_each(|model| {
        let aliases = model.aliases.iter();
        let aliases = aliases.map(|(alias, version)| format!("{alias} is version {version}"));
        let aliases: Vec<String> = aliases.collect();
        output::line(format_args!("{:32} {}", model.name, aliases.join(", ")))
    })
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
