//! `pet-cli evaluate`

mod images;
mod log;
mod measured;
mod pictures;
mod report;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use pet_data::Progress;
use pet_export::refresh_card;
use pet_model::{METRICS_FILE, Metrics, ModelMetadata, read_json, write_json};

use self::images::images;
use self::measured::Measured;
use crate::arguments::{
    CacheArgument, DatasetArguments, JsonArgument, ResultsArgument, TrackingArguments,
};
use crate::failure::Failure;
use crate::hint::CARD_USAGE;
use crate::{output, workspace};

/// Measure the served model on a data set, or on a folder of class folders
///
/// Predicts the images exactly as the service does and shows accuracy, figures by class, the worst confusions, how far
/// the confidence can be believed, and the most confident mistakes. For a data set, the figures are written to
/// metrics.json and the model card is renewed. Everything is logged to the run that trained the model as well, if the
/// tracking store that holds it is there.
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli evaluate                               the test images of the Oxford-IIIT Pet data set
  pet-cli evaluate --split all --json            test and validation images, for programs
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

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images kept apart for evaluation
    Test,
    /// The images that chose the model
    #[value(alias = "val")]
    Validation,
    /// The images that it was trained on
    Train,
    /// Test and validation images: all that it was not trained on
    All,
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let predictor = workspace::predictor(&arguments.cache.cache_dir, results, None)?;
    let metadata = predictor.metadata();
    let mut all = Vec::new();
    for images in images(arguments, &metadata.classes, progress)? {
        all.push(Measured::new(&predictor, images, progress)?);
    }
    if arguments.folder.is_none() {
        keep(results, metadata, &all)?;
    }
    let default = arguments.folder.is_none().then_some(results);
    if let (Some(folder), Some(first)) = (arguments.pictures.as_ref().or(default), all.first()) {
        first.save_pictures(folder, progress)?;
    }
    progress.message(&log::log(&arguments.tracking, metadata, &all));
    if arguments.json.json {
        let by_split: BTreeMap<_, _> = all
            .iter()
            .map(|measured| (&measured.name, measured.for_programs()))
            .collect();
        return output::json(&by_split);
    }
    all.iter().try_for_each(report::print)
}

/// Adds the figures to those that are kept with the model.
fn keep(results: &Path, metadata: &ModelMetadata, all: &[Measured]) -> Result<(), Failure> {
    let file = results.join(METRICS_FILE);
    let mut metrics: Metrics = if file.exists() {
        read_json(&file)?
    } else {
        Metrics::default()
    };
    let figures = all
        .iter()
        .map(|measured| (measured.name.clone(), measured.figures.clone()));
    metrics.splits.extend(figures);
    write_json(&file, &metrics)?;
    refresh_card(results, metadata, CARD_USAGE)?;
    Ok(())
}
