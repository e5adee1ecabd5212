//! `pet-cli evaluate`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pet_data::{Dataset, LeftOut, Progress, Sample};
use pet_model::{
    ClassMetrics, METRICS_FILE, Metrics, ModelMetadata, Precision, Results, SplitMetrics,
    split_title, write_atomically,
};
use pet_pipeline::evaluate::{
    Evaluation, ImageSet, OutlierMetrics, add_to_results, class_indices, evaluate, log_to_run,
};
use pet_predict::{ImagePredictor, Model, Options};

use crate::arguments::{
    CacheArgument, JsonArgument, PrecisionArgument, PrecisionChoice, ResultsArgument,
};
use crate::dataset::{
    DatasetKind, SplitOptions, TrainedDataArguments, TrainingRecord, check_folder,
};
use crate::failure::Failure;
use crate::hint::{CARD_USAGE, causes};
use crate::output::Bars;
use crate::tracking::TrackingArguments;
use crate::{output, table};

/// Evaluate the model on a data set or a folder of class folders, as it is served
///
/// Predicts the images exactly as the service does, and shows the accuracy, metrics per class, the most frequent
/// confusions, how well the confidence is calibrated, and the most confident mistakes. For a data set, the metrics are
/// written to metrics.json and the model card is updated. Everything is also logged to the run that trained the model,
/// if its tracking store can be reached.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli evaluate                               the test images of the Oxford-IIIT Pet data set
  pet-cli evaluate --split all --json            test and validation images, as JSON
  pet-cli evaluate breeds/ --pictures report/    breeds/Beagle/*.jpg, breeds/Pug/*.jpg, …
  pet-cli evaluate --outliers other-pictures/    and how well images of something else are detected")]
pub(crate) struct Arguments {
    /// Folder of class folders, instead of a data set
    #[arg(value_name = "DIR", conflicts_with_all = ["dataset", "data_dir", "split"])]
    folder: Option<PathBuf>,
    #[command(flatten)]
    dataset: TrainedDataArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// Use another data set or split than in the training, whose images the model may have been trained on
    #[arg(long)]
    force: bool,
    /// Folder for `confusion_matrix.png` and `mistakes.png` [default: the results folder; none for a folder of images]
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Folder of images that show none of the classes: measures how well the model detects them
    #[arg(long, value_name = "DIR")]
    outliers: Option<PathBuf>,
    #[command(flatten)]
    precision: PrecisionArgument,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    tracking: TrackingArguments,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

/// Maximum number of confusions and mistakes to print.
const PRINTED: usize = 10;

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images reserved for evaluation
    Test,
    /// The images used to choose the best epoch
    #[value(alias = "val")]
    Validation,
    /// The images used for training
    Train,
    /// Test and validation images: all images not used for training
    All,
}

pub(crate) fn run(arguments: &Arguments, bars: &Bars) -> Result<(), Failure> {
    // Before loading a library and a model, which may be missing too.
    let folder = if let Some(folder) = &arguments.folder {
        Some(of_folder(folder, bars)?)
    } else {
        arguments.dataset.source.check()?;
        None
    };
    arguments.outliers.iter().try_for_each(|folder| check_folder(folder))?;
    let results = arguments.results.find()?;
    let precision = arguments.precision.precision.precision();
    let options =
        Options::default().with_image(arguments.dataset.limits.limits()).with_precision(precision);
    let runtime = arguments.cache.runtime()?;
    let predictor = ImagePredictor::new(Model::from_results(&runtime, &results, &options)?);
    let metadata = predictor.metadata();
    let (images, left_out) = match folder {
        Some(dataset) => all_images(dataset, &metadata.classes)?,
        None => of_dataset(arguments, &results, metadata, bars)?,
    };
    let all = images.iter().map(|set| evaluate(&predictor, set, bars));
    let all: Vec<Evaluation> = all.collect::<Result<_, _>>()?;
    let outliers = match (&arguments.outliers, all.first()) {
        (Some(folder), Some(first)) => Some(first.compare_outliers(&predictor, folder, bars)?),
        _ => None,
    };
    // Metrics on a data set, as opposed to a folder of images, are saved with the model.
    let model_folder = results.folder().filter(|_| arguments.folder.is_none());
    if let Some(folder) = model_folder {
        add_to_results(folder, metadata, &all, CARD_USAGE)?;
    }
    let pictures = arguments.pictures.as_deref().or(model_folder);
    if let (Some(folder), Some(first)) = (pictures, all.first()) {
        for (name, png) in &first.plots {
            let path = folder.join(name);
            write_atomically(&path, png)?;
            bars.message(&format!("wrote {}", path.display()));
        }
    }
    bars.message(&log(&arguments.tracking, metadata, &all));
    if arguments.json.json {
        return print_json(&all, outliers.as_ref(), &left_out);
    }
    all.iter().try_for_each(print)?;
    outliers.iter().try_for_each(print_outliers)
}

/// Prints an object with an entry for each split or folder.
fn print_json(
    all: &[Evaluation],
    outliers: Option<&OutlierMetrics>,
    left_out: &LeftOut,
) -> Result<(), Failure> {
    let mut by_name = BTreeMap::new();
    if let Some(outliers) = outliers {
        by_name.insert("outliers", serde_json::to_value(outliers)?);
    }
    for one in all {
        let mut value = serde_json::to_value(one)?;
        if let Some(fields) = value.as_object_mut() {
            let interval = serde_json::to_value(one.metrics.top1_interval())?;
            fields.insert("top1_interval".into(), interval);
            if !left_out.is_empty() {
                fields.insert("left_out".into(), serde_json::to_value(left_out)?);
            }
        }
        by_name.insert(one.name.as_str(), value);
    }
    output::json(&by_name)
}

/// The images to evaluate, and what was skipped.
type Images = (Vec<ImageSet>, LeftOut);

/// A folder of class folders, of which one is enough.
fn of_folder(path: &Path, progress: &dyn Progress) -> Result<Dataset, Failure> {
    let dataset = pet_data::folder::load_any(path)?;
    if !dataset.left_out.is_empty() {
        let (path, left_out) = (path.display(), &dataset.left_out);
        progress.message(&format!("skipped in `{path}`: {left_out}"));
    }
    Ok(dataset)
}

fn all_images(dataset: Dataset, classes: &[String]) -> Result<Images, Failure> {
    let samples: Vec<Sample> = dataset.samples().cloned().collect();
    let images = ImageSet::new(&dataset.name, &dataset, &samples, classes)?;
    let images = images.with_command(format!("pet-cli evaluate {}", dataset.name));
    Ok((vec![images], dataset.left_out))
}

/// The selected splits, starting with the test images.
fn of_dataset(
    arguments: &Arguments,
    results: &Results,
    metadata: &ModelMetadata,
    progress: &dyn Progress,
) -> Result<Images, Failure> {
    let dataset = arguments.dataset.source.data().load(progress)?;
    let split = match refit_of(results) {
        Some(run_id) if arguments.split == SplitName::Validation => {
            return Err(Failure::ValidationTrained { run_id });
        }
        // The validation images were used for training.
        Some(_) if arguments.split == SplitName::All => SplitName::Test,
        None if arguments.split == SplitName::All && dataset.test.is_empty() => {
            SplitName::Validation
        }
        _ => arguments.split,
    };
    if split == SplitName::Test && dataset.test.is_empty() {
        let dataset = dataset.name;
        return Err(Failure::NoTestImages { dataset });
    }
    let record = TrainingRecord::exported(results);
    // Before the split, because a difference in classes says more about an entirely different data set.
    class_indices(&dataset, &metadata.classes)?;
    let (data, options) = (&arguments.dataset, arguments.dataset.options(&record));
    let mut splits = Vec::new();
    if matches!(split, SplitName::Test | SplitName::All) {
        splits.push(("test", dataset.test.clone()));
    }
    if split != SplitName::Test {
        let (force, cache) = (arguments.force, &arguments.cache);
        let parts = data.split(&dataset, &record, force, cache, progress)?;
        splits.push(match split {
            SplitName::Train => ("train", parts.train),
            _ => ("validation", parts.validation),
        });
    }
    let images = |(name, samples): (&str, Vec<Sample>)| {
        let label = metadata.precision.key(name);
        let images = ImageSet::new(label, &dataset, &samples, &metadata.classes)?;
        let options = Some(options).filter(|_| name != "test");
        let command = command(&dataset.name, arguments, name, options, metadata.precision);
        Ok(images.with_command(command))
    };
    let images: Result<Vec<ImageSet>, Failure> = splits.into_iter().map(images).collect();
    Ok((images?, dataset.left_out))
}

/// The run that the model is a refit of.
fn refit_of(results: &Results) -> Option<String> {
    let metrics = results.read(METRICS_FILE).ok()?;
    let metrics: Metrics = serde_json::from_slice(&metrics).ok()?;
    metrics.refit_of().map(str::to_owned)
}

/// The command that reproduces the evaluation of a split, which is made with `options` unless it is that of the data set.
fn command(
    name: &str,
    arguments: &Arguments,
    split: &str,
    options: Option<SplitOptions>,
    precision: Precision,
) -> String {
    let data = match arguments.dataset.source.kind() {
        DatasetKind::Folder => format!("folder --data-dir {name}"),
        DatasetKind::Sample | DatasetKind::OxfordIiitPet => name.to_owned(),
    };
    let options = options.map_or_else(String::new, SplitOptions::arguments);
    let precision = match (precision, arguments.precision.precision) {
        (Precision::Fp32, PrecisionChoice::Auto) => String::new(),
        (precision, _) => format!(" --precision {precision}"),
    };
    format!("pet-cli evaluate --dataset {data} --split {split}{options}{precision}")
}

/// Logs everything to the model's run, and returns a message. A failure to log is not an error.
fn log(arguments: &TrackingArguments, metadata: &ModelMetadata, all: &[Evaluation]) -> String {
    let Some(run_id) = &metadata.run_id else {
        return "not logged: the model has no run ID".into();
    };
    let logged = arguments.existing().and_then(|client| {
        let Some(client) = client else {
            return Ok(false);
        };
        log_to_run(&client, run_id, all)?;
        Ok(true)
    });
    match logged {
        Ok(true) => format!("logged to run {run_id}"),
        Ok(false) => "not logged: there is no tracking store here (see --tracking-uri)".into(),
        Err(failure) => format!("not logged: {}", causes(&failure).join(": ")),
    }
}

fn print(evaluation: &Evaluation) -> Result<(), Failure> {
    let metrics = &evaluation.metrics;
    let images = metrics.images;
    let title = split_title(&evaluation.name);
    output::line(format_args!("{title}: {images} images"))?;
    print_metrics(metrics)?;
    print_classes(metrics)?;
    if evaluation.mistaken == 0 {
        return output::line("\nno mistakes");
    }
    output::line("\nmost frequent confusions")?;
    let worst = evaluation
        .confusions()
        .take(PRINTED)
        .map(|one| vec![one.images.to_string(), one.actual.into(), one.predicted.into()]);
    table::print(&[">images", "actual", "predicted"], worst)?;
    output::line("\nmost confident mistakes")?;
    let surest = evaluation.mistakes.iter().take(PRINTED).map(|one| {
        let (actual, predicted) = (one.actual.clone(), one.predicted.clone());
        let confidence = percent(one.confidence.into(), 1);
        vec![confidence, actual, predicted, one.file.display().to_string()]
    });
    let heads = [">confidence", "actual", "predicted", "file"];
    table::print(&heads, surest)
}

fn print_metrics(metrics: &SplitMetrics) -> Result<(), Failure> {
    let (low, high) = metrics.top1_interval();
    let interval = format!("(95 % interval {} to {})", percent(low, 2), percent(high, 2));
    figure("top-1 accuracy", &percent(metrics.top1, 2), &interval)?;
    figure("top-5 accuracy", &percent(metrics.top5, 2), "")?;
    figure("macro F1", &format!("{:.4}  ", metrics.macro_f1), "")?;
    figure("cross-entropy", &format!("{:.4}  ", metrics.loss), "")?;
    if let Some(known) = metrics.known {
        figure("known", &percent(known, 2), "(the others are rejected as outliers)")?;
    }
    let Some(calibration) = &metrics.calibration else {
        return Ok(());
    };
    let temperature = if (calibration.temperature - 1.0).abs() < f64::EPSILON {
        "(no temperature: the network's own confidence)".into()
    } else {
        format!(
            "(with temperature {:.3}; {} and cross-entropy {:.4} without)",
            calibration.temperature,
            percent(calibration.error_before, 2),
            calibration.loss_before
        )
    };
    figure("calibration error", &percent(calibration.error, 2), &temperature)
}

fn print_outliers(metrics: &OutlierMetrics) -> Result<(), Failure> {
    output::line(format_args!("\noutliers: {} images", metrics.images))?;
    figure("known", &percent(metrics.known, 2), "(accepted as one of the classes)")?;
    figure("AUROC", &format!("{:.4}  ", metrics.auroc), "")?;
    let accepted = "(if 95 % of the classes' images are accepted)";
    figure("false positives", &percent(metrics.false_positives_at_95, 2), accepted)?;
    if !metrics.taken.is_empty() {
        output::line("\nmost similar to one of the classes")?;
    }
    let mut taken = metrics.taken.iter();
    taken.try_for_each(|file| output::line(format_args!("  {}", file.display())))
}

/// Prints a value, aligned with others, and what it means.
fn figure(label: &str, value: &str, note: &str) -> Result<(), Failure> {
    output::line(format!("  {label:17} {value:>8}   {note}").trim_end())
}

/// Prints the classes with images, ordered by F1 score.
fn print_classes(metrics: &SplitMetrics) -> Result<(), Failure> {
    let with_images = metrics.classes.iter().filter(|one| one.1.images > 0);
    let mut classes: Vec<(&String, &ClassMetrics)> = with_images.collect();
    classes.sort_by(|one, other| one.1.f1.total_cmp(&other.1.f1));
    let rows = classes.iter().map(|(name, class)| {
        vec![
            (*name).clone(),
            class.images.to_string(),
            percent(class.precision, 1),
            percent(class.recall, 1),
            format!("{:.4}", class.f1),
        ]
    });
    output::line("")?;
    let heads = ["class", ">images", ">precision", ">recall", ">F1"];
    table::print(&heads, rows)?;
    match metrics.classes.len() - classes.len() {
        0 => Ok(()),
        without => output::line(format_args!(
            "{without} more classes have no images and count as 0 in macro F1"
        )),
    }
}

fn percent(share: f64, digits: usize) -> String {
    format!("{:.digits$} %", 100.0 * share)
}
