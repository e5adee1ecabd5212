//! `pet-cli evaluate`

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use pet_data::{LeftOut, Progress};
use pet_model::{
    ClassMetrics, ModelMetadata, Precision, Results, SplitMetrics, split_title, write_atomically,
};
use pet_pipeline::evaluate::{
    Evaluation, ImageSet, OutlierMetrics, Part, add_to_results, evaluate, log_to_run,
};
use pet_pipeline::{DataSource, SplitOptions, TrainingRecord};
use pet_predict::{ImagePredictor, Model, Options};

use crate::arguments::{
    CacheArgument, JsonArgument, PrecisionArgument, PrecisionChoice, ResultsArgument,
};
use crate::dataset::{DatasetKind, TrainedDataArguments, check_folder, split_arguments};
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
    let folder = arguments.folder.clone().map(DataSource::Folder);
    let folder = folder.map(|folder| folder.load_to_predict(bars)).transpose()?;
    if folder.is_none() {
        arguments.dataset.source.check()?;
    }
    arguments.outliers.iter().try_for_each(|folder| check_folder(folder))?;
    let results = arguments.results.find()?;
    let precision = arguments.precision.precision.precision();
    let options =
        Options::default().with_image(arguments.dataset.limits.limits()).with_precision(precision);
    let runtime = arguments.cache.runtime()?;
    let predictor = ImagePredictor::new(Model::from_results(&runtime, &results, &options)?);
    let metadata = predictor.metadata();
    let (images, left_out) = match folder {
        Some(dataset) => {
            let command = format!("pet-cli evaluate {}", dataset.name);
            let images = ImageSet::all(&dataset, &metadata.classes)?.with_command(command);
            (vec![images], dataset.left_out)
        }
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

/// The images of the selected splits, and what was skipped in the data set.
fn of_dataset(
    arguments: &Arguments,
    results: &Results,
    metadata: &ModelMetadata,
    progress: &dyn Progress,
) -> Result<(Vec<ImageSet>, LeftOut), Failure> {
    let record = TrainingRecord::of_results(results);
    let data = arguments.dataset.of(record, arguments.force, &arguments.cache);
    let dataset = data.source.load(progress)?;
    let part = match arguments.split {
        SplitName::Test => Part::Test,
        SplitName::Validation => Part::Validation,
        SplitName::Train => Part::Train,
        SplitName::All => Part::Unseen,
    };
    let sets = data.image_sets(&dataset, part, metadata, progress)?.into_iter();
    let sets = sets.map(|set| {
        let command = command(&dataset.name, arguments, &set.name, data.options());
        set.with_command(command)
    });
    Ok((sets.collect(), dataset.left_out))
}

/// The command that reproduces the evaluation of images with this key. Test images don't depend on the options of the split.
fn command(name: &str, arguments: &Arguments, key: &str, options: SplitOptions) -> String {
    let data = match arguments.dataset.source.kind() {
        DatasetKind::Folder => format!("folder --data-dir {name}"),
        DatasetKind::Sample | DatasetKind::OxfordIiitPet => name.to_owned(),
    };
    let (split, precision) = Precision::of_key(key);
    let options = if split == "test" { String::new() } else { split_arguments(options) };
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
