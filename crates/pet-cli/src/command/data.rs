//! `pet-cli data`

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use pet_data::Progress;
use pet_model::write_atomically;
use pet_pipeline::check::{DataCheck, DataReport, Severity};
use pet_pipeline::{DataSource, Error};
use pet_train::network::Architecture;

use super::data_report;
use crate::arguments::{
    CacheArgument, JsonArgument, LimitArguments, SourceArguments, several_folders,
};
use crate::failure::Failure;
use crate::progress::Bars;
use crate::{hint, interrupt, output};

/// Check data sets before training
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    Check(CheckArguments),
}

/// Find problems in a data set's images and labels
///
/// Finds images that cannot be read, or are tiny, blurred, dark, bright, of one colour or oddly shaped; copies and
/// scaled, cropped, mirrored or recompressed versions of images, within a class, across classes and across splits;
/// labels that are probably wrong according to classifiers trained on the other images; and classes with few images.
/// Nothing is changed. An image in two classes or in two splits, or one that cannot be read, is an error; everything
/// else is a warning.
///
/// Labels are only checked if the backbone's weights are available (see `pet-cli setup`). The features of each image
/// are kept in the cache, where training reuses them.
#[derive(Args)]
#[command(
    mut_args(several_folders),
    after_help = "\
Examples:
  pet-cli data check my-photos
  pet-cli data check --dataset folder --data-dir my-photos --data-dir corrections
  pet-cli data check my-photos --sheet found.png --fail-on never
  pet-cli data check --dataset sample --fail-on never --json

Exit status: 0 no relevant problems, 1 problems or another failure, 2 incorrect usage."
)]
struct CheckArguments {
    /// Folder of class folders, instead of a data set
    #[arg(value_name = "DIR", conflicts_with_all = ["dataset", "data_dir"])]
    folder: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArguments,
    /// Severity that makes the check fail
    #[arg(long, value_enum, default_value_t = FailOn::Error)]
    fail_on: FailOn,
    /// Write a contact sheet of the findings as a PNG file
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    /// How many findings of each kind to list
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    show: usize,
    /// Network whose features are used to check labels, or a file with its weights [default: `mobilenet_v2`]
    #[arg(long, value_name = "NAME|FILE")]
    backbone: Option<PathBuf>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// Errors
    Error,
    /// Errors and warnings
    Warning,
    /// Nothing that is found
    Never,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    match &arguments.action {
        Action::Check(arguments) => check(arguments, bars),
    }
}

fn check(arguments: &CheckArguments, bars: &Bars) -> Result<(), Failure> {
    let folder = arguments.folder.clone().map(DataSource::Folder);
    let source = folder.unwrap_or_else(|| arguments.source.data());
    source.check()?;
    let backbone = backbone(arguments)?;
    let dataset = source.load_to_check(bars)?;
    let dataset = dataset.adding(arguments.source.additions(), bars)?;
    let interrupt = interrupt::on_ctrl_c()?;
    let limits = arguments.limits.limits();
    let check = DataCheck::new(&dataset, arguments.cache.folder(), bars);
    let check = check.with_interrupt(interrupt).with_limits(limits);
    let mut check = check.with_hints(hint_for_all);
    let has_backbone = backbone.is_some();
    if let Some(backbone) = backbone {
        check = check.with_backbone(backbone);
    } else {
        bars.message("labels are not checked: backbone weights are missing (run `pet-cli setup`)");
    }
    let report = check.run()?;
    if has_backbone && report.labels.is_none() {
        bars.message("labels are not checked: all images are the same");
    }
    if let Some(path) = &arguments.sheet {
        write_atomically(path, &report.contact_sheet(&limits)?)?;
        bars.message(&format!("wrote {}", path.display()));
    }
    if arguments.json.json {
        output::json(&report)?;
    } else {
        data_report::print(&report, arguments.show)?;
    }
    check_problems(&report, arguments.fail_on)
}

/// A hint that is the same for all images that are too large, so that it is printed once.
fn hint_for_all(error: &pet_image::Error) -> Option<String> {
    match error {
        pet_image::Error::TooManyPixels { .. } => Some(hint::MORE_PIXELS.into()),
        error => hint::of_image(error),
    }
}

/// The weights, if there are any. Fails if the given ones don't exist.
fn backbone(arguments: &CheckArguments) -> Result<Option<PathBuf>, Failure> {
    let cache = &arguments.cache;
    let Some(given) = &arguments.backbone else {
        let path = cache.backbone_file(Architecture::standard().name);
        return Ok(path.is_file().then_some(path));
    };
    let (path, _) = cache.weights(given);
    if !path.is_file() {
        return Err(Error::NoBackbone { path }.into());
    }
    Ok(Some(path))
}

fn check_problems(report: &DataReport, fail_on: FailOn) -> Result<(), Failure> {
    let min_severity = match fail_on {
        FailOn::Error => Severity::Error,
        FailOn::Warning => Severity::Warning,
        FailOn::Never => return Ok(()),
    };
    let counted = report.problems.iter().filter(|one| one.severity >= min_severity);
    let kinds: Vec<String> =
        counted.map(|problem| format!("{} {}", problem.images, problem.kind)).collect();
    if kinds.is_empty() {
        return Ok(());
    }
    let dataset = report.dataset.clone();
    Err(Failure::DataProblems { dataset, kinds })
}
