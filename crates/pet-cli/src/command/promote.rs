//! `pet-cli promote`

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use mlflow_client::Client;
use pet_data::Progress;
use pet_export::{Contest, Contestant, Exporter, VersionRef};
use pet_model::{Precision, stage_json};
use pet_pipeline::promote::{Contender, Gate, Promotion, Verdict};
use serde_json::json;

use super::promote_args::GateArguments;
use super::promote_report;
use super::promote_served::{Images, Served, Source, measure};
use crate::arguments::{CacheArgument, JsonArgument, ModelNameArgument, TrackingArguments};
use crate::failure::Failure;
use crate::progress::Bars;
use crate::trained_data::{TrainedDataArguments, TrainingRecord};
use crate::{output, tracking, workspace};

/// Make the challenger the champion if it passes
///
/// Exports the versions with the aliases `challenger` and `champion`, unless the results folder already holds them, predicts
/// the same images with both as the service does, and compares their metrics with limits: accuracy, each class,
/// calibration, pets taken for something else, latency, size, and McNemar's exact test on the images that only one of them
/// gets right. The alias `champion` moves only if every limit is met, in every precision that is served; without a
/// champion, only the absolute limits count. The comparison is written to a file and recorded in tags of the version.
///
/// Limits can be given in a file with the names of MLflow's model validation:
/// `{"accuracy": {"threshold": 0.9, "min_absolute_change": 0.005}}`
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli promote                               on the validation images of the Oxford-IIIT Pet data set
  pet-cli promote --split test --min-accuracy 0.85 --max-latency 20
  pet-cli promote --gate gate.json --dry-run    only compare
  pet-cli promote --require-better              must be significantly better
  pet-cli promote --precision both              in 8-bit integers too

Exit status: 0 promoted, or already the champion; 1 rejected, or another failure.")]
pub(crate) struct Arguments {
    /// Promote this version
    #[arg(long, value_name = "NUMBER", conflicts_with = "alias")]
    version: Option<u32>,
    /// Promote the version with this alias
    #[arg(long, value_name = "NAME", default_value = pet_export::CHALLENGER)]
    alias: String,
    /// Precision of the models; each one that is served must pass
    #[arg(long, value_enum, default_value_t = PrecisionChoice::Auto)]
    precision: PrecisionChoice,
    /// Folder of the exported model; a version that it already contains is measured as it is
    #[arg(long, value_name = "DIR", default_value = "results", env = "PET_RESULTS")]
    results: PathBuf,
    #[command(flatten)]
    limits: GateArguments,
    /// Only compare, without changing the registry
    #[arg(long)]
    dry_run: bool,
    /// Output file for the comparison
    #[arg(long, value_name = "FILE", default_value = "promotion.json")]
    output: PathBuf,
    #[command(flatten)]
    dataset: TrainedDataArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Validation)]
    split: SplitName,
    #[command(flatten)]
    model_name: ModelNameArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images used to choose the best epochs
    #[value(alias = "val")]
    Validation,
    /// The images reserved for evaluation
    Test,
}

/// The precisions in which the versions are compared.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PrecisionChoice {
    /// Those in the results folder, if it holds a version of the same registered model, else fp32
    Auto,
    /// Floating-point numbers of 32 bits
    Fp32,
    /// The same and integers of 8 bits
    Both,
}

impl Arguments {
    /// The precisions in which versions of the model are compared.
    fn precisions(&self, model: &str) -> Vec<Precision> {
        match self.precision {
            PrecisionChoice::Fp32 => vec![Precision::Fp32],
            PrecisionChoice::Both => Precision::ALL.to_vec(),
            PrecisionChoice::Auto => match pet_export::served_precisions(&self.results, model) {
                served if served.is_empty() => vec![Precision::Fp32],
                served => served,
            },
        }
    }

    fn version(&self) -> VersionRef<'_> {
        self.version.map_or(VersionRef::Alias(&self.alias), VersionRef::Version)
    }
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let gate = arguments.limits.gate()?;
    let client = tracking::required(&arguments.tracking)?;
    let model = tracking::model_name(&client, &arguments.model_name)?;
    let contest = Contest::find(&client, &model, arguments.version())?;
    if contest.is_settled() {
        return print_settled(arguments, &model, contest.challenger.version);
    }
    let record = TrainingRecord::of(&client, &contest.challenger.selection)?;
    let images = images(arguments, &contest, &record, bars)?;
    let promotion = compare(arguments, &client, &contest, &gate, &images, bars)?;
    // Fails before anything is changed in the registry if the file cannot be written.
    let report = stage_json(&arguments.output, &promotion)?;
    if !arguments.dry_run {
        pet_export::promote(&client, &promotion)?;
    }
    report.publish()?;
    print(arguments, &promotion)
}

fn print_settled(arguments: &Arguments, model: &str, version: u32) -> Result<(), Failure> {
    if arguments.json.json {
        return output::json(&json!({ "model": model, "version": version, "verdict": "champion" }));
    }
    output::line(format_args!("version {version} of `{model}` is already the champion"))
}

/// Loads images that neither version was trained on, and splits the others as in the training of the challenger.
fn images(
    arguments: &Arguments,
    contest: &Contest,
    record: &TrainingRecord,
    bars: &Bars,
) -> Result<Images, Failure> {
    let (data, cache) = (&arguments.dataset, &arguments.cache);
    let load = || data.source.data().load(bars);
    if arguments.split == SplitName::Test {
        if let Err(error) = contest.check_same_data() {
            bars.message(&format!(
                "note: {error}; neither may have been trained on the test images"
            ));
        }
        let dataset = load()?;
        return Ok(Images {
            parts: data.split(&dataset, record, true, cache, bars)?,
            samples: dataset.test.clone(),
            dataset,
            split: "test",
        });
    }
    contest.check_same_data()?;
    if let Some(run_id) = contest.both().find_map(|one| one.refit_of.clone()) {
        return Err(Failure::ValidationTrained { run_id });
    }
    let dataset = load()?;
    let parts = data.split(&dataset, record, false, cache, bars)?;
    Ok(Images { samples: parts.validation.clone(), parts, dataset, split: "validation" })
}

/// Measures and compares both versions as they are served.
fn compare(
    arguments: &Arguments,
    client: &Client,
    contest: &Contest,
    gate: &Gate,
    images: &Images,
    bars: &Bars,
) -> Result<Promotion, Failure> {
    let runtime = workspace::runtime(&arguments.cache)?;
    let folder = tempfile::tempdir()?;
    let model = &contest.challenger.selection.model_name;
    let source = Source {
        exporter: Exporter::new(client, &runtime),
        runtime: &runtime,
        results: &arguments.results,
        precisions: &arguments.precisions(model),
        limits: arguments.dataset.limits.limits(),
        bars,
    };
    let served = source.load(contest, images, folder.path())?;
    let classes: Vec<&[String]> = served.iter().map(Served::classes).collect();
    contest.check_same_classes(&classes)?;
    let mut measured = measure(&served, images, bars)?.into_iter();
    let challenger = measured.next().unwrap_or_default();
    let champion = contest.champion.as_ref().zip(measured.next());
    let of = |one: &Contestant| Contender::new(one.version, &one.selection.run_id);
    let champion = champion.as_ref();
    Ok(Promotion::new(
        model,
        gate,
        images.description(),
        (of(&contest.challenger), &challenger),
        champion.map(|(one, measured)| (of(one), measured.as_slice())),
    )?)
}

/// Prints the outcome; a rejection is an error.
fn print(arguments: &Arguments, promotion: &Promotion) -> Result<(), Failure> {
    let (model, version) = (&promotion.model, promotion.challenger.version);
    if arguments.json.json {
        output::json(promotion)?;
    } else {
        promote_report::print(promotion)?;
    }
    if promotion.verdict != Verdict::Passed {
        return Err(Failure::NotPromoted {
            model: model.clone(),
            version,
            failed: promotion.failed(),
        });
    }
    if arguments.json.json {
        return Ok(());
    }
    let before = promotion.champion.as_ref();
    let before =
        before.map_or("the first".into(), |one| format!("previously version {}", one.version));
    output::line(if arguments.dry_run {
        format!("\nversion {version} of `{model}` passes; nothing was changed")
    } else {
        format!("\nversion {version} of `{model}` is now `champion` ({before})")
    })
}
