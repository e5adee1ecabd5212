//! `pet-cli evaluate`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pet_data::{Progress, Sample, folder, stratified_split};
use pet_model::{ClassMetrics, ModelMetadata, SplitMetrics, write_atomically};
use pet_pipeline::evaluate::{Evaluation, ImageSet, Mistake, add_to_results, evaluate, log_to_run};

use crate::arguments::{
    CacheArgument, DatasetArguments, DatasetKind, JsonArgument, ResultsArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::hint::CARD_USAGE;
use crate::progress::Bars;
use crate::{output, tracking, workspace};

/// Evaluate the served model on a data set or a folder of class folders
///
/// Predicts the images exactly as the service does, and shows accuracy, figures per class, the worst confusions, how
/// well the confidence is calibrated, and the most confident mistakes. For a data set, the figures are written to
/// metrics.json and the model card is updated. Everything is also logged to the run that trained the model, if its
/// tracking store can be reached.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli evaluate                               the test images of the Oxford-IIIT Pet data set
  pet-cli evaluate --split all --json            test and validation images, as JSON
  pet-cli evaluate breeds/ --pictures report/    breeds/Beagle/*.jpg, breeds/Pug/*.jpg, …")]
pub(crate) struct Arguments {
    /// A folder of class folders, instead of a data set
    #[arg(value_name = "DIR", conflicts_with_all = ["dataset", "data_dir", "split"])]
    folder: Option<PathBuf>,
    #[command(flatten)]
    dataset: DatasetArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// Seed of the split that the model was trained with
    #[arg(long, default_value_t = DEFAULT_SEED)]
    seed: u64,
    /// Folder for `confusion_matrix.png` and `mistakes.png` [default: the results; for a folder of images: none]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

const DEFAULT_SEED: u64 = 42;
/// Confusions and mistakes that are printed.
const PRINTED: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images that are kept for evaluation
    Test,
    /// The images that the best epoch was chosen with
    #[value(alias = "val")]
    Validation,
    /// The images that the model was trained on
    Train,
    /// Test and validation images: all that the model was not trained on
    All,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let predictor = workspace::predictor(&arguments.cache, results, None)?;
    let metadata = predictor.metadata();
    let images = match &arguments.folder {
        Some(folder) => vec![of_folder(folder, &metadata.classes)?],
        None => of_dataset(arguments, &metadata.classes, bars)?,
    };
    let all = images.iter().map(|set| evaluate(&predictor, set, bars));
    let all: Vec<Evaluation> = all.collect::<Result<_, _>>()?;
    if arguments.folder.is_none() {
        add_to_results(results, metadata, &all, CARD_USAGE)?;
    }
    let default = arguments.folder.is_none().then_some(results);
    if let (Some(folder), Some(first)) = (arguments.pictures.as_ref().or(default), all.first()) {
        for (name, png) in &first.pictures {
            let path = folder.join(name);
            write_atomically(&path, png)?;
            bars.message(&format!("wrote {}", path.display()));
        }
    }
    bars.message(&log(&arguments.tracking, metadata, &all));
    if arguments.json.json {
        let by_name: BTreeMap<_, _> = all.iter().map(|one| (&one.name, one)).collect();
        return output::json(&by_name);
    }
    all.iter().try_for_each(print)
}

fn of_folder(path: &Path, classes: &[String]) -> Result<ImageSet, Failure> {
    let dataset = folder::load(path)?;
    let samples: Vec<Sample> = dataset.samples().cloned().collect();
    let images = ImageSet::new(&dataset.name, &dataset, &samples, classes)?;
    Ok(images.with_command(format!("pet-cli evaluate {}", dataset.name)))
}

/// The images asked for, the test images first.
fn of_dataset(
    arguments: &Arguments,
    classes: &[String],
    progress: &dyn Progress,
) -> Result<Vec<ImageSet>, Failure> {
    let dataset = arguments.dataset.source().load(progress)?;
    let split = arguments.split;
    let mut splits = Vec::new();
    if matches!(split, SplitName::Test | SplitName::All) {
        splits.push(("test", dataset.test.clone()));
    }
    if split != SplitName::Test {
        let fraction = arguments.dataset.validation_fraction;
        let parts = stratified_split(&dataset.train, fraction, arguments.seed)?;
        splits.push(match split {
            SplitName::Train => ("train", parts.train),
            _ => ("validation", parts.validation),
        });
    }
    let images = |(name, samples): (&str, Vec<Sample>)| {
        let images = ImageSet::new(name, &dataset, &samples, classes)?;
        Ok(images.with_command(command(&dataset.name, arguments, name)))
    };
    splits.into_iter().map(images).collect()
}

/// The command that evaluates a split again.
fn command(name: &str, arguments: &Arguments, split: &str) -> String {
    let data = match arguments.dataset.dataset {
        DatasetKind::Folder => format!("folder --data-dir {name}"),
        DatasetKind::Sample | DatasetKind::OxfordIiitPet => name.to_owned(),
    };
    let seed = match arguments.seed {
        seed if split != "test" && seed != DEFAULT_SEED => format!(" --seed {seed}"),
        _ => String::new(),
    };
    format!("pet-cli evaluate --dataset {data} --split {split}{seed}")
}

/// Logs everything to the model's run and says so, or why not: figures that could not be logged are no less true.
fn log(arguments: &TrackingArguments, metadata: &ModelMetadata, all: &[Evaluation]) -> String {
    let Some(run_id) = &metadata.run_id else {
        return "not logged: the model names no run".into();
    };
    let logged = tracking::existing(arguments).and_then(|client| {
        let Some(client) = client else {
            return Ok(false);
        };
        log_to_run(&client, run_id, all)?;
        Ok(true)
    });
    match logged {
        Ok(true) => format!("logged to run {run_id}"),
        Ok(false) => "not logged: there is no tracking store here (see --tracking-uri)".into(),
        Err(failure) => format!("not logged: {}", output::explain(&failure).join(": ")),
    }
}

fn print(evaluation: &Evaluation) -> Result<(), Failure> {
    let figures = &evaluation.figures;
    output::line(format_args!(
        "{}: {} images",
        evaluation.name, figures.images
    ))?;
    print_figures(figures)?;
    print_classes(figures)?;
    print_confusions(evaluation)?;
    print_mistakes(evaluation)
}

fn print_figures(figures: &SplitMetrics) -> Result<(), Failure> {
    let share = |share: f64| format!("{:6.2} %", 100.0 * share);
    output::line(format_args!("  top-1 accuracy     {}", share(figures.top1)))?;
    output::line(format_args!("  top-5 accuracy     {}", share(figures.top5)))?;
    output::line(format_args!(
        "  macro F1           {:6.4}",
        figures.macro_f1
    ))?;
    output::line(format_args!("  cross-entropy      {:6.4}", figures.loss))?;
    let Some(calibration) = &figures.calibration else {
        return Ok(());
    };
    let temperature = if (calibration.temperature - 1.0).abs() < f64::EPSILON {
        "   (no temperature: the confidence as the network gives it)".into()
    } else {
        format!(
            "   (with temperature {:.3}; {} and cross-entropy {:.4} without)",
            calibration.temperature,
            share(calibration.error_before).trim_start(),
            calibration.loss_before
        )
    };
    output::line(format_args!(
        "  calibration error  {}{temperature}",
        share(calibration.error)
    ))
}

/// The classes that have images, weakest first.
fn print_classes(figures: &SplitMetrics) -> Result<(), Failure> {
    let with_images = figures.classes.iter().filter(|one| one.1.images > 0);
    let mut classes: Vec<(&String, &ClassMetrics)> = with_images.collect();
    classes.sort_by(|one, other| one.1.f1.total_cmp(&other.1.f1));
    let width = width(classes.iter().map(|(name, _)| name.as_str())).max("class".len());
    output::line(format_args!(
        "\n  {:width$}  images  precision   recall      F1",
        "class"
    ))?;
    for (name, class) in &classes {
        output::line(format_args!(
            "  {name:width$}  {:6}  {:7.1} %  {:5.1} %  {:6.4}",
            class.images,
            100.0 * class.precision,
            100.0 * class.recall,
            class.f1
        ))?;
    }
    match figures.classes.len() - classes.len() {
        0 => Ok(()),
        without => output::line(format_args!(
            "  {without} more classes have no images here and count as 0 in macro F1"
        )),
    }
}

fn print_confusions(evaluation: &Evaluation) -> Result<(), Failure> {
    let worst: Vec<_> = evaluation.confusions().take(PRINTED).collect();
    if worst.is_empty() {
        return output::line("\n  no mistakes");
    }
    let width = width(worst.iter().map(|one| one.actual));
    output::line("\n  worst confusions")?;
    worst.iter().try_for_each(|one| {
        output::line(format_args!(
            "  {:4} × {:width$} taken for {}",
            one.images, one.actual, one.predicted
        ))
    })
}

fn print_mistakes(evaluation: &Evaluation) -> Result<(), Failure> {
    let surest: Vec<_> = evaluation.mistakes.iter().take(PRINTED).collect();
    if surest.is_empty() {
        return Ok(());
    }
    let text = |mistake: &&Mistake| format!("{} taken for {}", mistake.actual, mistake.predicted);
    let lines: Vec<String> = surest.iter().map(text).collect();
    let width = width(lines.iter().map(String::as_str));
    output::line("\n  most confident mistakes")?;
    surest.iter().zip(&lines).try_for_each(|(mistake, text)| {
        output::line(format_args!(
            "  {:5.1} %  {text:width$}  {}",
            100.0 * mistake.confidence,
            mistake.file.display()
        ))
    })
}

fn width<'a>(texts: impl Iterator<Item = &'a str>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}
