//! `pet-cli predict`

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use clap::Args;
use pet_data::{LeftOut, Progress, Unit, walk};
use pet_predict::{ImagePredictor, Options, Prediction};
use serde_json::{Value, json};

use crate::arguments::{
    CacheArgument, JsonArgument, LimitArguments, ModelArguments, PrecisionArgument, check_exists,
    count,
};
use crate::failure::Failure;
use crate::hint::causes;
use crate::output;

/// Images per progress update.
const BATCH: usize = 32;

/// Width of the bar for a probability of 1.
const BAR: f32 = 24.0;

/// Predict the breed in photos
#[derive(Args)]
#[command(after_help = "\
Examples:
  pet-cli predict photo.jpg
  pet-cli predict --top-k 3 one.jpg two.png
  pet-cli predict --json photos/ > predictions.json")]
pub(crate) struct Arguments {
    /// Images, or folders of images, including subfolders
    #[arg(required_unless_present = "image", value_name = "IMAGE")]
    images: Vec<PathBuf>,
    /// Another image
    #[arg(long, short, value_name = "IMAGE")]
    image: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArguments,
    #[command(flatten)]
    precision: PrecisionArgument,
    /// How many classes to show
    #[arg(long, short = 'k', value_name = "COUNT", default_value = "5", value_parser = count)]
    top_k: NonZero<usize>,
    #[command(flatten)]
    limits: LimitArguments,
    #[command(flatten)]
    json: JsonArgument,
    /// Accepted for compatibility; predictions are the same every time
    #[arg(long, short, hide = true)]
    seed: Option<u64>,
    #[command(flatten)]
    cache: CacheArgument,
}

type Outcome = Result<Prediction, Failure>;

pub(crate) fn run(arguments: &Arguments, progress: &dyn Progress) -> Result<(), Failure> {
    let files = files(arguments)?;
    let outcomes = outcomes(arguments, &files, progress)?;
    if arguments.json.json {
        let answers = files.iter().zip(&outcomes);
        let answers = answers.map(|(file, outcome)| answer(file, outcome, arguments.top_k.get()));
        output::json(&answers.collect::<Vec<_>>())?;
        let failures = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
        let hints = failures.filter_map(note_failure).collect();
        note_hints(&hints);
    } else if outcomes.len() == 1 {
        return outcomes.into_iter().try_for_each(|outcome| print_one(&outcome?, arguments));
    } else {
        print_lines(&files, &outcomes)?;
    }
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    if failed > 0 { Err(Failure::SomeImages { failed, all: outcomes.len() }) } else { Ok(()) }
}

/// The outcome for each file. If none of them exists, neither a model nor a library is looked for, which may be missing too.
fn outcomes(
    arguments: &Arguments,
    files: &[PathBuf],
    progress: &dyn Progress,
) -> Result<Vec<Outcome>, Failure> {
    let failures: Vec<_> = files.iter().filter_map(|file| no_image(file)).collect();
    if failures.len() == files.len() {
        return Ok(failures.into_iter().map(Err).collect());
    }
    let (limits, precision) = (arguments.limits, arguments.precision.precision.precision());
    let mut options = Options::default().with_image(limits.limits()).with_precision(precision);
    if files.len() == 1 {
        // Creating more sessions than there are images only takes time.
        options = options.with_sessions(NonZero::<usize>::MIN);
    }
    let model = arguments.model.load(&arguments.cache, &options)?;
    Ok(predict(&ImagePredictor::new(model), files, limits, progress))
}

/// The given images and those in the given folders and their subfolders, in order; for a folder without images, the folder
/// itself. Reports other files in the folders.
fn files(arguments: &Arguments) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in arguments.images.iter().chain(&arguments.image) {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut without = LeftOut::default();
        let images = walk::images(path, &mut without)?;
        if !without.is_empty() {
            output::note(format_args!("skipped in `{}`: {without}", path.display()));
        }
        if images.is_empty() {
            files.push(path.clone());
        }
        files.extend(images);
    }
    Ok(files)
}

/// The error for a file that does not exist, or a folder, which has no images if it was not replaced by them.
fn no_image(path: &Path) -> Option<Failure> {
    if path.is_dir() {
        let folder = path.to_owned();
        return Some(Failure::NoImages { folder });
    }
    check_exists(path).err()
}

fn predict(
    predictor: &ImagePredictor,
    files: &[PathBuf],
    limits: LimitArguments,
    progress: &dyn Progress,
) -> Vec<Outcome> {
    let mut outcomes = Vec::with_capacity(files.len());
    if files.len() > 1 {
        progress.start("predicting", files.len() as u64, Unit::Images);
    }
    for batch in files.chunks(BATCH) {
        outcomes.extend(predict_batch(predictor, batch, limits));
        progress.advance(batch.len() as u64);
    }
    progress.finish();
    outcomes
}

/// Predicts the readable files; the results are in the order of `files`.
fn predict_batch(
    predictor: &ImagePredictor,
    files: &[PathBuf],
    limits: LimitArguments,
) -> Vec<Outcome> {
    let read = |file: &PathBuf| no_image(file).map_or_else(|| limits.read(file), Err);
    let contents: Vec<_> = files.iter().map(read).collect();
    let readable: Vec<_> = contents.iter().filter_map(|content| content.as_ref().ok()).collect();
    let mut predictions = predictor.predict_batch(&readable).into_iter();
    let outcome = |(file, content): (&PathBuf, Result<_, Failure>)| match content {
        Ok(_) => Some(predictions.next()?.map_err(|error| Failure::from(error).at(file))),
        Err(failure) => Some(Err(failure)),
    };
    files.iter().zip(contents).filter_map(outcome).collect()
}

/// The prediction of an image as JSON.
fn answer(file: &Path, outcome: &Outcome, count: usize) -> Value {
    match outcome {
        Ok(prediction) => {
            let ranked = prediction.top_k(count).into_iter();
            let ranked =
                ranked.map(|one| json!({ "class": one.class, "probability": one.probability }));
            json!({
                "file": file,
                "predicted_class": prediction.predicted_class(),
                "confidence": prediction.confidence(),
                "known": prediction.is_known(),
                "similarity": prediction.similarity(),
                "top_k": ranked.collect::<Vec<_>>(),
            })
        }
        Err(failure) => json!({ "file": file, "error": causes(failure).join(": ") }),
    }
}

fn print_one(prediction: &Prediction, arguments: &Arguments) -> Result<(), Failure> {
    output::line(format_args!("Predicted class: {}", prediction.predicted_class()))?;
    output::line(format_args!("Confidence: {:.2}\n", prediction.confidence()))?;
    if prediction.is_known() == Some(false) {
        let count = prediction.classes().len();
        output::line(format_args!(
            "This is probably none of the {count} classes; the most likely of them are:\n"
        ))?;
    }
    let ranked = prediction.top_k(arguments.top_k.get());
    let width = ranked.iter().map(|one| one.class.chars().count()).max().unwrap_or_default();
    for one in ranked {
        let bar = "\u{2588}".repeat((one.probability * BAR).round() as usize);
        let line = format!("  {:width$}  {:5.1} %  {bar}", one.class, 100.0 * one.probability);
        output::line(line.trim_end())?;
    }
    Ok(())
}

fn print_lines(files: &[PathBuf], outcomes: &[Outcome]) -> Result<(), Failure> {
    let mut hints = BTreeSet::new();
    for (file, outcome) in files.iter().zip(outcomes) {
        match outcome {
            Ok(prediction) => output::line(format_args!(
                "{}: {} ({:.1} %){}",
                file.display(),
                prediction.predicted_class(),
                100.0 * prediction.confidence(),
                if prediction.is_known() == Some(false) {
                    ", probably none of the classes"
                } else {
                    ""
                }
            ))?,
            Err(failure) => hints.extend(note_failure(failure)),
        }
    }
    note_hints(&hints);
    Ok(())
}

/// Prints the error of a file, and returns its hint.
fn note_failure(failure: &Failure) -> Option<String> {
    output::note(format_args!("error: {}", causes(failure).join(": ")));
    failure.hint()
}

/// Prints each hint once: many files fail for few reasons.
fn note_hints(hints: &BTreeSet<String>) {
    for hint in hints {
        output::note(format_args!("hint: {hint}"));
    }
}
