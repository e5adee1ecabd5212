//! What an exported model makes of images.

use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_data::{Progress, Sample, Unit, task};
use pet_image::Limits;
use pet_model::{ModelMetadata, SplitMetrics};
use pet_predict::{ImagePredictor, Prediction};
use pet_report::{ConfusionMatrix, measure_logits, probabilities};
use serde::Serialize;

use super::images::ImageSet;
use crate::error::Error;

/// Images that are predicted together, between two steps of the progress bar.
const BATCH: usize = 32;
/// Confusions and mistakes that are shown.
const SHOWN: usize = 20;

/// Images with the model's answers and what follows from them. In JSON it is the figures with the worst confusions and
/// the most confident mistakes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The split, or the folder.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// The model's classes.
    pub classes: Vec<String>,
    /// Accuracy, losses, calibration, and figures by class.
    pub figures: SplitMetrics,
    /// Whether the first guess is right, for each image in turn.
    pub right: Vec<bool>,
    /// Which classes were taken for which.
    pub confusion: ConfusionMatrix,
    /// Up to 20 mistakes, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// How many mistakes there are altogether.
    pub mistaken: usize,
    /// How similar each image is to the nearest class, -1 to 1; none for a model that cannot tell outliers.
    pub similarities: Vec<f32>,
    /// The confusion matrix and the mistakes as PNG files, by their names.
    pub pictures: Vec<(&'static str, Vec<u8>)>,
}

/// An image that was taken for another class.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Mistake {
    /// The image.
    pub file: PathBuf,
    /// What it shows.
    pub actual: String,
    /// What the model takes it for.
    pub predicted: String,
    /// How sure the model is, 0 to 1.
    pub confidence: f32,
}

/// Images of one class that were taken for another.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Confusion<'a> {
    /// What they show.
    pub actual: &'a str,
    /// What the model takes them for.
    pub predicted: &'a str,
    /// How many there are.
    pub images: usize,
}

impl Evaluation {
    pub(super) fn without_pictures(
        predictor: &ImagePredictor,
        images: &ImageSet,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let ModelMetadata {
            model_name,
            classes,
            ..
        } = predictor.metadata();
        let predictions = predictions(predictor, &images.samples, "evaluating", progress)?;
        let logits: Vec<_> = predictions
            .iter()
            .map(|prediction| prediction.logits().to_vec())
            .collect();
        let labels: Vec<usize> = images.samples.iter().map(|sample| sample.class).collect();
        let temperature = predictor.metadata().temperature();
        let probabilities = probabilities(&logits, temperature)?;
        let right = probabilities.iter().zip(&labels);
        let right = right.map(|(row, label)| guess(row) == Some(*label));
        let right = right.collect();
        let mut mistakes = mistakes(&images.samples, &probabilities, classes);
        let mistaken = mistakes.len();
        mistakes.truncate(SHOWN);
        let measured = measure_logits(&logits, &labels, classes, temperature, &images.command)?;
        Ok(Self {
            figures: SplitMetrics {
                known: share_known(&predictions),
                ..measured
            },
            confusion: ConfusionMatrix::new(&probabilities, &labels, classes.len())?,
            name: images.name.clone(),
            model: model_name.clone(),
            classes: classes.clone(),
            right,
            mistakes,
            mistaken,
            similarities: predictions
                .iter()
                .filter_map(Prediction::similarity)
                .collect(),
            pictures: Vec::new(),
        })
    }

    /// The most frequent confusions, up to 20.
    pub fn confusions(&self) -> impl Iterator<Item = Confusion<'_>> {
        let name = |class: usize| self.classes.get(class).map_or("?", String::as_str);
        let worst = self.confusion.worst(SHOWN).into_iter();
        worst.map(move |one| Confusion {
            actual: name(one.actual),
            predicted: name(one.predicted),
            images: one.count,
        })
    }
}

impl Serialize for Evaluation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Report<'a> {
            #[serde(flatten)]
            figures: &'a SplitMetrics,
            confusions: Vec<Confusion<'a>>,
            mistakes: &'a [Mistake],
        }
        let report = Report {
            figures: &self.figures,
            confusions: self.confusions().collect(),
            mistakes: &self.mistakes,
        };
        report.serialize(serializer)
    }
}

/// The share of images that the model takes for pictures of its classes; `None` where it cannot tell.
fn share_known(predictions: &[Prediction]) -> Option<f64> {
    let known: Option<Vec<bool>> = predictions.iter().map(Prediction::is_known).collect();
    let known = known.filter(|known| !known.is_empty())?;
    Some(known.iter().filter(|&&known| known).count() as f64 / known.len() as f64)
}

/// What the model says of each image; `what` names the work in the progress.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted.
pub fn predictions(
    predictor: &ImagePredictor,
    samples: &[Sample],
    what: &str,
    progress: &dyn Progress,
) -> Result<Vec<Prediction>, Error> {
    let (count, limits) = (samples.len() as u64, predictor.model().options().image);
    task(progress, what, count, Unit::Images, || {
        let mut predictions = Vec::with_capacity(samples.len());
        for batch in samples.chunks(BATCH) {
            let contents = batch.iter().map(|sample| read(&sample.path, &limits));
            let contents = contents.collect::<Result<Vec<_>, _>>()?;
            for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
                predictions.push(prediction.map_err(at(&sample.path))?);
            }
            progress.advance(batch.len() as u64);
        }
        Ok(predictions)
    })
}

/// Reads an image file, unless it is larger than what would be decoded.
///
/// # Errors
///
/// [`Error::Image`] for a file that is too large, [`Error::Gone`] for one that is no longer there, [`Error::Io`] for one
/// that cannot be read.
pub fn read(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Gone {
            path: path.to_owned(),
        },
        _ => error.into(),
    };
    let (bytes, limit) = (fs::metadata(path).map_err(failed)?.len(), limits.bytes);
    if bytes > limit {
        return Err(at(path)(pet_image::Error::TooManyBytes { bytes, limit }));
    }
    fs::read(path).map_err(failed)
}

/// Names the image that something is wrong with.
pub fn at<E: Into<pet_predict::Error>>(path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::Image {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// The likeliest class, as `measure` has it: of equally probable ones the first.
fn guess(row: &[f32]) -> Option<usize> {
    let by_probability = |one: &(usize, &f32), other: &(usize, &f32)| {
        one.1.total_cmp(other.1).then(other.0.cmp(&one.0))
    };
    let (guess, _) = row.iter().enumerate().max_by(by_probability)?;
    Some(guess)
}

/// All mistakes, the most confident first.
fn mistakes(samples: &[Sample], probabilities: &[Vec<f32>], classes: &[String]) -> Vec<Mistake> {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let mistake = |(sample, row): (&Sample, &Vec<f32>)| {
        let guess = guess(row)?;
        let confidence = *row.get(guess)?;
        (guess != sample.class).then(|| Mistake {
            file: sample.path.clone(),
            actual: name(sample.class),
            predicted: name(guess),
            confidence,
        })
    };
    let mut mistakes: Vec<_> = samples
        .iter()
        .zip(probabilities)
        .filter_map(mistake)
        .collect();
    mistakes.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    mistakes
}
