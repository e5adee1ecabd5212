//! `pet-cli promote`

mod gate;

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pet_export::{Contest, Exporter, HeldOut, VersionRef};
use pet_model::{Precision, stage_json};
use pet_pipeline::TrainingRecord;
use pet_pipeline::promote::{Promotion, Verdict};
use serde_json::json;

use self::gate::GateArguments;
use crate::arguments::{CacheArgument, JsonArgument};
use crate::dataset::TrainedDataArguments;
use crate::failure::Failure;
use crate::output::{self, Bars};
use crate::tracking::{ModelNameArgument, TrackingArguments};

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
    fn version(&self) -> VersionRef<'_> {
        self.version.map_or(VersionRef::Alias(&self.alias), VersionRef::Version)
    }

    fn held_out(&self) -> HeldOut {
        match self.split {
            SplitName::Validation => HeldOut::Validation,
            SplitName::Test => HeldOut::Test,
        }
    }

    /// The given precisions; `None` for those in the results.
    fn precisions(&self) -> Option<&'static [Precision]> {
        match self.precision {
            PrecisionChoice::Auto => None,
            PrecisionChoice::Fp32 => Some(&[Precision::Fp32]),
            PrecisionChoice::Both => Some(&Precision::ALL),
        }
    }
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let gate = arguments.limits.gate()?;
    let client = arguments.tracking.required()?;
    let model = arguments.model_name.find(&client)?;
    let contest = Contest::find(&client, &model, arguments.version())?;
    if contest.is_settled() {
        return print_settled(arguments, &model, contest.challenger.version);
    }
    let record = TrainingRecord::of_run(&client.run(&contest.challenger.selection.run_id)?);
    let data = arguments.dataset.of(record, false, &arguments.cache);
    let images = contest.images(&data, arguments.held_out(), bars)?;
    let runtime = arguments.cache.runtime()?;
    let exporter = Exporter::new(&client, &runtime);
    let (results, precisions) = (&arguments.results, arguments.precisions());
    let promotion = contest.compare(&exporter, &images, &gate, results, precisions)?;
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

/// Prints the outcome; a rejection is an error.
fn print(arguments: &Arguments, promotion: &Promotion) -> Result<(), Failure> {
    let (model, version) = (&promotion.model, promotion.challenger.version);
    if arguments.json.json {
        output::json(promotion)?;
    } else {
        gate::print(promotion)?;
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
