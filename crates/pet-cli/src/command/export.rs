//! `pet-cli select` and `pet-cli export`: from the registry to the results folder.

use std::path::Path;

use clap::Args;
use mlflow_client::Client;
use pet_export::Exporter;
use pet_model::{SELECTION_FILE, Selection, read_json};
use serde_json::json;

use crate::arguments::{
    CacheArgument, JsonArgument, ModelNameArgument, ResultsArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::hint::CARD_USAGE;
use crate::{output, table, tracking, workspace};

/// Select the best registered version
///
/// Ranks all versions by validation accuracy, prints the leaderboard, saves it to selection.json and points the alias
/// `champion` at the best version.
#[derive(Args)]
pub(crate) struct SelectArguments {
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    json: JsonArgument,
}

/// Export the selected version into the files that are served
///
/// Builds the ONNX model from the version's weights, verifies that ONNX Runtime computes what candle computes, and
/// writes the results folder. If nothing was selected before, selects first.
#[derive(Args)]
pub(crate) struct ExportArguments {
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

pub(crate) fn select(arguments: &SelectArguments) -> Result<(), Failure> {
    let client = Client::open(&tracking::config(&arguments.tracking)?)?;
    let selection = pet_export::select(&client, &arguments.model_name.model_name)?;
    let file = arguments.results.results.join(SELECTION_FILE);
    pet_export::promote(&client, &selection, &file)?;
    if arguments.json.json {
        output::json(&selection)
    } else {
        print(&selection)
    }
}

fn print(selection: &Selection) -> Result<(), Failure> {
    let ranked = (1..).zip(&selection.candidates).map(|(rank, candidate)| {
        vec![
            rank.to_string(),
            candidate.version.clone(),
            table::number(Some(candidate.val_acc)),
            table::number(candidate.val_loss),
            candidate.run_name.clone(),
            candidate.reason.clone(),
        ]
    });
    let excluded = selection.excluded.iter().map(|(version, reason)| {
        let [dash, none] = ["-", ""].map(str::to_owned);
        let reason = format!("excluded: it {reason}");
        vec![
            dash.clone(),
            version.clone(),
            dash.clone(),
            dash,
            none,
            reason,
        ]
    });
    let rows: Vec<_> = ranked.chain(excluded).collect();
    let heads = [
        ">rank",
        ">version",
        ">val_acc",
        ">val_loss",
        "run",
        "reason",
    ];
    table::print(&heads, &rows)?;
    output::line(format_args!(
        "\nversion {} of `{}` is now `{}`",
        selection.version, selection.model_name, selection.alias
    ))
}

pub(crate) fn export(arguments: &ExportArguments) -> Result<(), Failure> {
    let client = Client::open(&tracking::config(&arguments.tracking)?)?;
    let runtime = workspace::runtime(&arguments.cache)?;
    let results = &arguments.results.results;
    let model = &arguments.model_name.model_name;
    let file = results.join(SELECTION_FILE);
    let selection = match (arguments.version, earlier_selection(&file, model)?) {
        (Some(version), _) => pet_export::choose(&client, model, version)?,
        (None, Some(selection)) => selection,
        (None, None) => pet_export::select(&client, model)?,
    };
    let exporter = Exporter::new(&client, &runtime).with_usage(CARD_USAGE);
    let exported = exporter.export(&selection, results)?;
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

/// The selection that `pet-cli select` saved, if it is about `model`.
fn earlier_selection(file: &Path, model: &str) -> Result<Option<Selection>, Failure> {
    if !file.exists() {
        return Ok(None);
    }
    let selection: Selection = read_json(file)?;
    Ok(Some(selection).filter(|selection| selection.model_name == model))
}
