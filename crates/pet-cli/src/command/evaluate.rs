//! `pet-cli evaluate`

use std::collections::BTreeMap;

use clap::{Args, ValueEnum};
use fs_err as fs;
use pet_data::{Dataset, Progress, Sample, Unit};
use pet_export::refresh_card;
use pet_model::{METRICS_FILE, Metrics, SplitMetrics, read_json, write_json};
use pet_predict::ImagePredictor;
use pet_report::{ConfusionMatrix, measure};

use super::image_file::at;
use crate::arguments::{CacheArgument, DatasetArguments, JsonArgument, ResultsArgument};
use crate::failure::Failure;
use crate::{output, workspace};

/// Images that are predicted together, between two steps of the progress bar.
const BATCH: usize = 32;

/// How many confusions are shown.
const WORST: usize = 5;

/// Measure the served model on a data set
///
/// Predicts the images exactly as the service does, writes the figures to metrics.json and renews the model card.
#[derive(Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    dataset: DatasetArguments,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    split: SplitName,
    /// Seed of the split that the model was trained with
    #[arg(long, default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    results: ResultsArgument,
    #[command(flatten)]
    cache: CacheArgument,
    #[command(flatten)]
    json: JsonArgument,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum SplitName {
    /// The images kept apart for evaluation
    Test,
    /// The images that chose the model
    Validation,
    /// Both
    All,
}

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let results = &arguments.results.results;
    let predictor = workspace::predictor(&arguments.cache.cache_dir, results, None)?;
    let dataset = workspace::dataset(&arguments.dataset, progress)?;
    check_classes(&predictor.metadata().classes, &dataset.classes)?;

    let mut measured = BTreeMap::new();
    for (name, samples) in splits(&dataset, arguments)? {
        measured.insert(
            name,
            evaluate(&predictor, &dataset, name, &samples, progress)?,
        );
    }
    let file = results.join(METRICS_FILE);
    let mut metrics: Metrics = if file.exists() {
        read_json(&file)?
    } else {
        Metrics::default()
    };
    metrics.splits.extend(
        measured
            .iter()
            .map(|(name, (figures, _))| ((*name).into(), figures.clone())),
    );
    write_json(&file, &metrics)?;
    refresh_card(results, predictor.metadata())?;

    if arguments.json.json {
        let figures: BTreeMap<_, _> = measured
            .iter()
            .map(|(name, (figures, _))| (name, figures))
            .collect();
        return output::json(&figures);
    }
    measured
        .iter()
        .try_for_each(|(name, (figures, confusion))| {
            print(name, figures, confusion, &dataset.classes)
        })
}

/// The images asked for, by the split's name.
fn splits(
    dataset: &Dataset,
    arguments: &Arguments,
) -> Result<Vec<(&'static str, Vec<Sample>)>, Failure> {
    let mut splits = Vec::new();
    if arguments.split != SplitName::Validation {
        splits.push(("test", dataset.test.clone()));
    }
    if arguments.split != SplitName::Test {
        let split = workspace::split(dataset, &arguments.dataset, arguments.seed)?;
        splits.push(("validation", split.validation));
    }
    match splits.iter().find(|(_, samples)| samples.is_empty()) {
        Some((split, _)) => Err(Failure::EmptySplit {
            dataset: dataset.name.clone(),
            split,
        }),
        None => Ok(splits),
    }
}

fn check_classes(model: &[String], dataset: &[String]) -> Result<(), Failure> {
    if model == dataset {
        return Ok(());
    }
    let other = model.iter().zip(dataset).find(|(one, other)| one != other);
    let difference = other.map_or("one has more".into(), |(one, other)| {
        format!("`{one}` against `{other}`")
    });
    Err(Failure::OtherClasses {
        model: model.len(),
        dataset: dataset.len(),
        difference,
    })
}

fn evaluate(
    predictor: &ImagePredictor,
    dataset: &Dataset,
    split: &str,
    samples: &[Sample],
    progress: &dyn Progress,
) -> Result<(SplitMetrics, ConfusionMatrix), Failure> {
    let mut probabilities = Vec::with_capacity(samples.len());
    progress.start("evaluating", samples.len() as u64, Unit::Images);
    for batch in samples.chunks(BATCH) {
        let contents = batch.iter().map(|sample| fs::read(&sample.path));
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
            let prediction = prediction.map_err(|error| at(&sample.path, error.into()))?;
            probabilities.push(prediction.probabilities().to_vec());
        }
        progress.advance(batch.len() as u64);
    }
    progress.finish();
    let labels: Vec<usize> = samples.iter().map(|sample| sample.class).collect();
    let command = format!(
        "pet-cli evaluate --dataset {} --split {split}",
        dataset.name
    );
    let figures = measure(&probabilities, &labels, &dataset.classes, &command)?;
    Ok((
        figures,
        ConfusionMatrix::new(&probabilities, &labels, dataset.classes.len())?,
    ))
}

fn print(
    split: &str,
    figures: &SplitMetrics,
    confusion: &ConfusionMatrix,
    classes: &[String],
) -> Result<(), Failure> {
    output::line(format_args!("{split}: {} images", figures.images))?;
    output::line(format_args!("  top-1 accuracy  {:.4}", figures.top1))?;
    output::line(format_args!("  top-5 accuracy  {:.4}", figures.top5))?;
    output::line(format_args!("  macro F1        {:.4}", figures.macro_f1))?;
    output::line(format_args!("  cross-entropy   {:.4}", figures.loss))?;
    let name = |class: usize| classes.get(class).map_or("?", String::as_str);
    for mistake in confusion.worst(WORST) {
        let (actual, predicted) = (name(mistake.actual), name(mistake.predicted));
        output::line(format_args!(
            "  {:3} × {actual} taken for {predicted}",
            mistake.count
        ))?;
    }
    Ok(())
}
