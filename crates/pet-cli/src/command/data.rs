//! `pet-cli data`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use pet_data::Progress;
use pet_model::write_atomically;
use pet_pipeline::check::{
    DataCheck, DataReport, DuplicateGroup, Member, Severity, UnreadableFile,
};
use pet_pipeline::{DataSource, Error};
use pet_train::network::Architecture;

use crate::arguments::{CacheArgument, JsonArgument, LimitArguments};
use crate::dataset::{SourceArguments, several_folders};
use crate::failure::Failure;
use crate::output::Bars;
use crate::{hint, output, table};

/// Maximum images of a group to print.
const MEMBERS: usize = 5;

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
    let interrupt = output::on_ctrl_c()?;
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
        print(&report, arguments.show)?;
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
    let standard = Path::new(Architecture::standard().name);
    let given = arguments.backbone.as_deref();
    let (path, _) = arguments.cache.weights(given.unwrap_or(standard));
    match given {
        _ if path.is_file() => Ok(Some(path)),
        Some(_) => Err(Error::NoBackbone { path }.into()),
        None => Ok(None),
    }
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

/// Prints the kinds of problems, then up to `show` problems of each kind.
fn print(report: &DataReport, show: usize) -> Result<(), Failure> {
    let (images, classes) = (report.images, report.classes.len());
    output::line(format_args!("{}: {images} images of {classes} classes", report.dataset))?;
    if let Some(labels) = &report.labels {
        let share = 100.0 * labels.accuracy;
        output::line(format_args!(
            "labels were checked by classifiers that agree with {share:.1} % of them"
        ))?;
    }
    if report.problems.is_empty() {
        return output::line("no problems found");
    }
    let rows = report.problems.iter().map(|problem| {
        let (severity, images) = (problem.severity.to_string(), problem.images.to_string());
        vec![severity, images, problem.kind.clone()]
    });
    output::line("")?;
    table::print(&["severity", ">images", "problem"], rows)?;
    print_unreadable(report, show)?;
    print_sections(report, show)
}

fn print_unreadable(report: &DataReport, show: usize) -> Result<(), Failure> {
    let row = |image: &UnreadableFile| vec![vec![image.reason.clone(), text(&image.file)]];
    section("unreadable images", &["reason", "file"], report.unreadable.iter().map(row), show)?;
    let hints: BTreeSet<_> = report.unreadable.iter().flat_map(|image| &image.hint).collect();
    hints.into_iter().take(show).try_for_each(|hint| output::line(format_args!("hint: {hint}")))
}

/// Prints the problems of readable images and of classes.
fn print_sections(report: &DataReport, show: usize) -> Result<(), Failure> {
    let rows = report.empty.iter().map(|folder| vec![vec![text(folder)]]);
    section("class folders without images", &["folder"], rows, show)?;
    let rows = report.untrained.iter().map(|folder| vec![vec![text(folder)]]);
    section("class folders of classes without training images", &["folder"], rows, show)?;
    let heads = [">alike", "split", "class", "file"];
    section("duplicates and near-duplicates", &heads, report.duplicates.iter().map(group), show)?;
    let suspects = report.labels.iter().flat_map(|labels| &labels.suspects);
    let rows = suspects.map(|suspect| {
        let (given, likely) = (suspect.given.clone(), suspect.likely.clone());
        let probability = format!("{:.1} %", 100.0 * suspect.likely_probability);
        vec![vec![given, likely, probability, text(&suspect.file)]]
    });
    let heads = ["label", "likely", ">", "file"];
    section("labels that are probably wrong", &heads, rows, show)?;
    let rows = report.flaws.iter().map(|image| {
        let flaw = image.flaw;
        let (value, limit) = (format!("{:.1}", flaw.value), format!("{:.0}", flaw.limit));
        vec![vec![flaw.kind.name().into(), value, limit, text(&image.file)]]
    });
    let heads = ["flaw", ">measured", ">limit", "file"];
    section("images that show little", &heads, rows, show)?;
    let few = report.classes.iter().filter(|class| class.few);
    let rows = few.map(|class| vec![vec![class.images.to_string(), class.class.clone()]]);
    section("classes with few images", &[">images", "class"], rows, show)
}

/// The rows of images that show the same.
fn group(group: &DuplicateGroup) -> Vec<Vec<String>> {
    let members = group.images.iter().take(MEMBERS).enumerate();
    let row = |(index, member): (usize, &Member)| {
        let similarity = match index {
            0 => format!("{:.3}", group.similarity),
            _ => String::new(),
        };
        vec![similarity, member.split.to_owned(), member.class.clone(), text(&member.file)]
    };
    let mut rows: Vec<Vec<String>> = members.map(row).collect();
    if let more @ 1.. = group.images.len().saturating_sub(MEMBERS) {
        let empty = String::new;
        rows.push(vec![empty(), empty(), empty(), format!("and {more} more")]);
    }
    rows
}

/// Prints a heading, the first rows, and the number of further ones.
fn section(
    title: &str,
    heads: &[&str],
    mut rows: impl Iterator<Item = Vec<Vec<String>>>,
    show: usize,
) -> Result<(), Failure> {
    let first: Vec<_> = rows.by_ref().take(show).flatten().collect();
    if first.is_empty() {
        return Ok(());
    }
    output::line(format_args!("\n{title}"))?;
    table::print(heads, first)?;
    match rows.count() {
        0 => Ok(()),
        more => output::line(format_args!("… and {more} more (`--show`, `--json`)")),
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
