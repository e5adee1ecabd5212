//! `pet-cli export`

use std::path::Path;

use clap::Args;
use pet_export::Exporter;
use pet_model::{SELECTION_FILE, Selection, read_json};
use serde_json::json;

use crate::arguments::{
    CacheArgument, JsonArgument, ModelNameArgument, ResultsArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::hint::CARD_USAGE;
use crate::{output, workspace};

/// Turn the selected version into the files that are served
///
/// Makes the ONNX model from the version's weights, proves that ONNX Runtime computes what candle computes, and
/// writes the results folder. Without an earlier `pet-cli select`, selects first.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Export this version instead of the selected one
    #[arg(long, value_name = "NUMBER")]
    version: Option<u32>,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (client, _) = workspace::tracking(&arguments.tracking)?;
    let runtime = workspace::runtime(&arguments.cache.cache_dir)?;
    let results = &arguments.results.results;
    let model = &arguments.model_name.model_name;
    let file = results.join(SELECTION_FILE);
    let selection = match (arguments.version, earlier_selection(&file, model)?) {
        (Some(version), _) => pet_export::choose(&client, model, version)?,
        (None, Some(selection)) => selection,
        (None, None) => pet_export::select(&client, model)?,
    };
    let exported = Exporter {
        client: &client,
        runtime: &runtime,
        usage: CARD_USAGE,
    }
    .export(&selection, results)?;
    if arguments.json.json {
        return output::json(&json!({
            "model": selection.model_name,
            "version": selection.version,
            "run_id": selection.run_id,
            "val_acc": selection.val_acc,
            "largest_difference": exported.largest_difference,
            "files": exported.files,
        }));
    }
    output::line(format_args!(
        "version {} of `{}` (val_acc {:.4}): ONNX Runtime and candle differ by at most {:.1e}",
        selection.version, selection.model_name, selection.val_acc, exported.largest_difference
    ))?;
    exported
        .files
        .iter()
        .try_for_each(|file| output::line(format_args!("  {}", file.display())))
}

/// What an earlier `pet-cli select` has kept, if it was about `model`.
fn earlier_selection(file: &Path, model: &str) -> Result<Option<Selection>, Failure> {
    if !file.exists() {
        return Ok(None);
    }
    let selection: Selection = read_json(file)?;
    Ok(Some(selection).filter(|selection| selection.model_name == model))
}
