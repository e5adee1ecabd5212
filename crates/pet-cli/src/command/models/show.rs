//! `pet-cli models show`

use mlflow_client::{Client, ModelVersion};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output;
use crate::tracking::SHORT_ID;

pub(super) fn run(client: &Client, model: &str, as_json: bool) -> Result<(), Failure> {
    // A model without versions is something else than no model.
    client.registered_model(model)?;
    let mut versions = client
        .model_versions(model)
        .collect::<Result<Vec<_>, _>>()?;
    for version in &mut versions {
        // A server's search leaves the aliases out.
        *version = client.model_version(model, version.version)?;
    }
    if as_json {
        return output::json(&versions.iter().map(one).collect::<Vec<Value>>());
    }
    output::line(format_args!(
        "{:>7} {:19} {:>9} {:>9} {:SHORT_ID$} aliases",
        "version", "made (UTC)", "val_acc", "val_loss", "run"
    ))?;
    versions.iter().try_for_each(print)
}

fn print(version: &ModelVersion) -> Result<(), Failure> {
    let made = version.creation_time.to_string();
    let line = format!(
        "{:>7} {:19} {:>9} {:>9} {:SHORT_ID$.SHORT_ID$} {}",
        version.version,
        made.get(..19).unwrap_or(&made),
        tag(version, "val_acc"),
        tag(version, "val_loss"),
        version.run_id.as_deref().unwrap_or("-"),
        version.aliases.join(", ")
    );
    output::line(line.trim_end())
}

/// A tag that holds a number.
fn tag(version: &ModelVersion, key: &str) -> String {
    let number = version
        .tags
        .get(key)
        .and_then(|text| text.parse::<f64>().ok());
    number.map_or("-".into(), |number| format!("{number:.4}"))
}

fn one(version: &ModelVersion) -> Value {
    json!({
        "version": version.version,
        "creation_time": version.creation_time,
        "description": version.description,
        "run_id": version.run_id,
        "source": version.source,
        "status": version.status,
        "tags": version.tags,
        "aliases": version.aliases,
    })
}
