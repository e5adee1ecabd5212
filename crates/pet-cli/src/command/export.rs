//! `pet-cli select` and `pet-cli export`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mlflow_client::Client;
use pet_export::{Exporter, Gate, ModelImages, Preference};
use pet_model::{Quantization, Selection};
use pet_pipeline::TrainingRecord;
use serde_json::json;

use crate::arguments::{CacheArgument, JsonArgument};
use crate::dataset::TrainedDataArguments;
use crate::failure::Failure;
use crate::hint::CARD_USAGE;
use crate::output::Bars;
use crate::tracking::{ModelNameArgument, TrackingArguments};
use crate::{output, table};

/// Select the best registered version
///
/// Ranks the versions that were trained on the same data by validation accuracy, prints the leaderboard and sets the
/// alias `challenger` on the best version. Nothing is exported, and the `champion` does not change.
///
/// The work for one image is counted in multiply-adds, which depend on the backbone and the image size alone; on one
/// machine, the time of a prediction is roughly proportional to them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli select                     the most accurate version
  pet-cli select --prefer speed      the fastest that is at most three points less accurate")]
pub(crate) struct SelectArguments {
    /// Rank the versions trained on the data set with this digest, or its first characters [default: the newest
    /// version's]
    #[arg(long, value_name = "DIGEST")]
    data: Option<String>,
    /// What makes a version the best
    #[arg(long, value_enum, default_value_t = Preferred::Accuracy)]
    prefer: Preferred,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    json: JsonArgument,
}

/// Export a version to the files used for serving
///
/// Builds the ONNX model from the version's weights, verifies that ONNX Runtime and candle compute the same, and writes
/// the results folder. By default, exports the version with the alias `champion`, otherwise the `challenger`, otherwise
/// the best one. No alias is changed, and results of different data or classes are not replaced without --force.
///
/// If a data set is given, the model learns to detect outliers: images that show none of its classes. This uses the
/// training images, so the data set must be that of the training; it is split in the same way. The similarity threshold
/// is learned from the validation images; a refit, which was trained on those too, uses the threshold of the run it
/// refits. The model's predictions on the validation images (on the test images, for a refit) are stored in it as a
/// reference, with which the service compares later predictions (`pet_drift_*`).
///
/// A model in 8-bit integers (`--precision`) is calibrated and checked on the validation images of a data set. It is
/// rejected if its accuracy is lower by more than 0.3 points or its predictions differ on more than 2 % of them.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli export                     model.onnx, with floating-point numbers
  pet-cli export --dataset oxford-iiit-pet    a model.onnx that detects outliers
  pet-cli export --alias challenger --results candidate
  pet-cli export --precision both    and model.int8.onnx
  pet-cli export --precision int8    model.int8.onnx from the existing model.onnx, without a registry")]
pub(crate) struct ExportArguments {
    /// Export this version
    #[arg(long, value_name = "NUMBER", conflicts_with = "alias")]
    version: Option<u32>,
    /// Export the version with this alias
    #[arg(long, value_name = "NAME")]
    alias: Option<String>,
    /// Replace results of different data or classes, and use another data set or split than in the training
    #[arg(long)]
    force: bool,
    /// Numeric precision of the exported model
    #[arg(long, value_enum, default_value_t = Precisions::Fp32)]
    precision: Precisions,
    #[command(flatten)]
    dataset: TrainedDataArguments,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    /// Folder of the exported model
    #[arg(long, value_name = "DIR", default_value = "results", env = "PET_RESULTS")]
    results: PathBuf,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Preferred {
    /// The highest validation accuracy
    Accuracy,
    /// The least work for one image within one point of the highest validation accuracy
    Balanced,
    /// The least work for one image within three points of the highest validation accuracy
    Speed,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Precisions {
    /// 32-bit floating-point numbers: `model.onnx`
    Fp32,
    /// 8-bit integers: `model.int8.onnx`, created from the `model.onnx` in the results, which learns to detect outliers
    Int8,
    /// Both files
    Both,
}

pub(crate) fn select(arguments: &SelectArguments) -> Result<(), Failure> {
    let client = arguments.tracking.required()?;
    let model = arguments.model_name.find(&client)?;
    let preference = match arguments.prefer {
        Preferred::Accuracy => Preference::Accuracy,
        Preferred::Balanced => Preference::Balanced,
        Preferred::Speed => Preference::Speed,
    };
    let data = arguments.data.as_deref();
    let selection = pet_export::select_on(&client, &model, data, preference)?;
    pet_export::challenge(&client, &selection)?;
    if arguments.json.json { output::json(&selection) } else { print(&selection) }
}

fn millions(count: u64) -> String {
    format!("{} M", (count + 500_000) / 1_000_000)
}

fn print(selection: &Selection) -> Result<(), Failure> {
    let ranked = (1..).zip(&selection.candidates).map(|(rank, candidate)| {
        vec![
            rank.to_string(),
            candidate.version.clone(),
            table::number(Some(candidate.val_acc)),
            table::number(candidate.val_loss),
            candidate.multiply_adds.map_or("-".into(), millions),
            candidate.reason.clone(),
            candidate.run_name.clone(),
        ]
    });
    let heads = [">rank", ">version", ">val_acc", ">val_loss", ">multiply-adds", "reason", "run"];
    if let Some(data) = &selection.dataset {
        let (name, split) = (data.short(), &data.split);
        output::line(format_args!("trained on {name} ({split})\n"))?;
    }
    table::print(&heads, ranked)?;
    if !selection.excluded.is_empty() {
        output::line("")?;
        let excluded = selection.excluded.iter();
        let excluded = excluded.map(|(version, reason)| vec![version.clone(), reason.clone()]);
        table::print(&[">version", "excluded because it"], excluded)?;
    }
    output::line(format_args!(
        "\nversion {} of `{}` is now `{}`",
        selection.version, selection.model_name, selection.alias
    ))
}

pub(crate) fn export(arguments: &ExportArguments, bars: &Bars) -> Result<(), Failure> {
    let is_int8 = arguments.precision == Precisions::Int8;
    match (arguments.version, &arguments.alias) {
        (Some(_), _) if is_int8 => Err(Failure::NoVersion { option: "--version" }),
        (_, Some(_)) if is_int8 => Err(Failure::NoVersion { option: "--alias" }),
        _ if arguments.precision == Precisions::Fp32 && !arguments.dataset.source.is_named() => {
            let (client, selection) = version(arguments)?;
            export_version(arguments, &client, &selection, None)
        }
        _ => export_with_images(arguments, bars),
    }
}

/// Exports a version, or quantizes the model in the results, with the images of a data set that is split as in the training.
fn export_with_images(arguments: &ExportArguments, bars: &Bars) -> Result<(), Failure> {
    let results = &arguments.results;
    arguments.dataset.source.check()?;
    let registered = arguments.precision != Precisions::Int8;
    let registered = registered.then(|| version(arguments)).transpose()?;
    let record = match &registered {
        Some((client, selection)) => TrainingRecord::of_run(&client.run(&selection.run_id)?),
        None => TrainingRecord::of_results(&results.as_path().into()),
    };
    let data = arguments.dataset.of(record, arguments.force, &arguments.cache);
    let dataset = data.source.load(bars)?;
    let split = data.split(&dataset, bars)?;
    let images = ModelImages::new(&dataset, &split, bars).with_limits(data.limits);
    if let Some((client, selection)) = &registered {
        return export_version(arguments, client, selection, Some(images));
    }
    let runtime = arguments.cache.runtime()?;
    let quantization =
        images.add_int8_to_results(&runtime, results, Gate::default(), CARD_USAGE)?;
    if arguments.json.json {
        return output::json(&json!({ "quantization": quantization }));
    }
    print_quantization(&quantization)
}

/// The version to export.
fn version(arguments: &ExportArguments) -> Result<(Client, Selection), Failure> {
    let client = arguments.tracking.required()?;
    let model = arguments.model_name.find(&client)?;
    let selection = match (arguments.version, &arguments.alias) {
        (Some(version), _) => pet_export::choose(&client, &model, version)?,
        (None, Some(alias)) => pet_export::choose_alias(&client, &model, alias)?,
        (None, None) => pet_export::current(&client, &model)?,
    };
    Ok((client, selection))
}

fn export_version(
    arguments: &ExportArguments,
    client: &Client,
    selection: &Selection,
    images: Option<ModelImages<'_>>,
) -> Result<(), Failure> {
    let runtime = arguments.cache.runtime()?;
    let int8 = images.filter(|_| arguments.precision == Precisions::Both);
    let exporter = Exporter::new(client, &runtime)
        .with_usage(CARD_USAGE)
        .with_force(arguments.force)
        .with_outliers(images)
        .with_references(images)
        .with_int8(int8);
    let exported = exporter.export(selection, &arguments.results)?;
    if arguments.json.json {
        return output::json(&json!({
            "model": selection.model_name,
            "version": selection.version,
            "run_id": selection.run_id,
            "val_acc": selection.val_acc,
            "largest_difference": exported.largest_difference,
            "least_similarity": exported.metadata.least_similarity,
            "quantization": exported.quantization,
            "files": exported.files,
        }));
    }
    output::line(format_args!(
        "version {} of `{}` (val_acc {:.4}): ONNX Runtime and candle differ by at most {:.1e}",
        selection.version, selection.model_name, selection.val_acc, exported.largest_difference
    ))?;
    output::line(match exported.metadata.least_similarity {
        Some(least) => format!(
            "images whose similarity to every class is below {least:.3} count as none of the classes"
        ),
        None => "the model does not recognize images of something else: export it with its data set (`--dataset`, `--data-dir`)".into(),
    })?;
    exported.quantization.iter().try_for_each(print_quantization)?;
    exported.files.iter().try_for_each(|file| output::line(format_args!("  {}", file.display())))
}

fn print_quantization(metrics: &Quantization) -> Result<(), Failure> {
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    output::line(format_args!(
        "int8: accuracy {:.4} on {} validation images (fp32 {:.4}), the same prediction for {:.2} %; {:.1} MB (fp32 {:.1} MB); \
         the first {} of {} convolutions stay in fp32",
        metrics.top1_int8,
        metrics.images,
        metrics.top1_fp32,
        100.0 * metrics.agreement,
        megabytes(metrics.bytes_int8),
        megabytes(metrics.bytes_fp32),
        metrics.fp32_layers,
        metrics.layers
    ))
}
