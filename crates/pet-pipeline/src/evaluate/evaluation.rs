//! Predictions of an exported model and their metrics.

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

/// Images per progress update.
const BATCH: usize = 32;
/// Maximum number of reported confusions and mistakes.
const SHOWN: usize = 20;

/// The evaluation of a model on images. Its JSON has the metrics, the most frequent confusions and the most confident
/// mistakes.
#[derive(Debug)]
#[non_exhaustive]
pub struct Evaluation {
    /// The split or folder.
    pub name: String,
    /// The model's name.
    pub model: String,
    /// The model's classes.
    pub classes: Vec<String>,
    /// Accuracy, loss, calibration, and metrics by class.
    pub metrics: SplitMetrics,
    /// Whether each image is classified correctly.
    pub right: Vec<bool>,
    /// The confusion matrix.
    pub confusion: ConfusionMatrix,
    /// Up to 20 mistakes, the most confident first.
    pub mistakes: Vec<Mistake>,
    /// Number of all mistakes.
    pub mistaken: usize,
    /// The similarity of each image to the nearest class, -1 to 1; empty for a model that cannot detect outliers.
    pub similarities: Vec<f32>,
    /// The confusion matrix and the mistakes: file names and PNG files.
    pub plots: Vec<(&'static str, Vec<u8>)>,
}

/// A misclassified image.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Mistake {
    /// The image.
    pub file: PathBuf,
    /// Its class.
    pub actual: String,
    /// The predicted class.
    pub predicted: String,
    /// The probability of the predicted class, 0 to 1.
    pub confidence: f32,
}

/// A pair of confused classes.
#[derive(Clone, Copy, Debug, Serialize)]
#[non_exhaustive]
pub struct Confusion<'a> {
    /// The actual class.
    pub actual: &'a str,
    /// The predicted class.
    pub predicted: &'a str,
    /// Number of images.
    pub images: usize,
}

impl Evaluation {
    pub(super) fn without_plots(
        predictor: &ImagePredictor,
        images: &ImageSet,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let ModelMetadata { model_name, classes, .. } = predictor.metadata();
        let predictions = predict_all(predictor, &images.samples, "evaluating", progress)?;
        let logits: Vec<_> =
            predictions.iter().map(|prediction| prediction.logits().to_vec()).collect();
        let labels: Vec<usize> = images.samples.iter().map(|sample| sample.class).collect();
        let temperature = predictor.metadata().temperature();
        let probabilities = probabilities(&logits, temperature)?;
        let right = probabilities.iter().zip(&labels);
        let right = right.map(|(row, label)| top_class(row) == Some(*label));
        let right = right.collect();
        let mut mistakes = mistakes(&images.samples, &probabilities, classes);
        let mistaken = mistakes.len();
        mistakes.truncate(SHOWN);
        let measured = measure_logits(&logits, &labels, classes, temperature, &images.command)?;
        Ok(Self {
            metrics: SplitMetrics { known: share_known(&predictions), ..measured },
            confusion: ConfusionMatrix::new(&probabilities, &labels, classes.len())?,
            name: images.name.clone(),
            model: model_name.clone(),
            classes: classes.clone(),
            right,
            mistakes,
            mistaken,
            similarities: predictions.iter().filter_map(Prediction::similarity).collect(),
            plots: Vec::new(),
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
            metrics: &'a SplitMetrics,
            confusions: Vec<Confusion<'a>>,
            mistakes: &'a [Mistake],
        }
        let report = Report {
            metrics: &self.metrics,
            confusions: self.confusions().collect(),
            mistakes: &self.mistakes,
        };
        report.serialize(serializer)
    }
}

/// The share of images that the model recognizes as its classes; `None` if it cannot detect outliers.
fn share_known(predictions: &[Prediction]) -> Option<f64> {
    let known: Option<Vec<bool>> = predictions.iter().map(Prediction::is_known).collect();
    let known = known.filter(|known| !known.is_empty())?;
    Some(known.iter().filter(|&&known| known).count() as f64 / known.len() as f64)
}

/// Predicts images, reporting progress as `name`.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted.
pub fn predict_all(
    predictor: &ImagePredictor,
    samples: &[Sample],
    name: &str,
    progress: &dyn Progress,
) -> Result<Vec<Prediction>, Error> {
    let (count, limits) = (samples.len() as u64, predictor.model().options().image);
    task(progress, name, count, Unit::Images, || {
        let mut predictions = Vec::with_capacity(samples.len());
        for batch in samples.chunks(BATCH) {
            let contents = batch.iter().map(|sample| read_image(&sample.path, &limits));
            let contents = contents.collect::<Result<Vec<_>, _>>()?;
            for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
                predictions.push(prediction.map_err(image_error(&sample.path))?);
            }
            progress.advance(batch.len() as u64);
        }
        Ok(predictions)
    })
}

/// Reads an image file, up to the size limit.
///
/// # Errors
///
/// [`Error::Image`] for a file that is too large, [`Error::Gone`] for a missing one, [`Error::Io`] for one that cannot be
/// read.
pub fn read_image(path: &Path, limits: &Limits) -> Result<Vec<u8>, Error> {
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Gone { path: path.to_owned() },
        _ => error.into(),
    };
    let (bytes, limit) = (fs::metadata(path).map_err(failed)?.len(), limits.bytes);
    if bytes > limit {
        return Err(image_error(path)(pet_image::Error::TooManyBytes { bytes, limit }));
    }
    fs::read(path).map_err(failed)
}

/// Adds the path to an error of an image.
pub fn image_error<E: Into<pet_predict::Error>>(path: &Path) -> impl Fn(E) -> Error {
    move |source| Error::Image { path: path.to_owned(), source: source.into() }
}

/// The most probable class, the first one in case of a tie, as in `measure_logits`.
fn top_class(row: &[f32]) -> Option<usize> {
    let by_probability = |one: &(usize, &f32), other: &(usize, &f32)| {
        one.1.total_cmp(other.1).then(other.0.cmp(&one.0))
    };
    let (class, _) = row.iter().enumerate().max_by(by_probability)?;
    Some(class)
}

/// All mistakes, the most confident first.
fn mistakes(samples: &[Sample], probabilities: &[Vec<f32>], classes: &[String]) -> Vec<Mistake> {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let mistake = |(sample, row): (&Sample, &Vec<f32>)| {
        let predicted = top_class(row)?;
        let confidence = *row.get(predicted)?;
        (predicted != sample.class).then(|| Mistake {
            file: sample.path.clone(),
            actual: name(sample.class),
            predicted: name(predicted),
            confidence,
        })
    };
    let mut mistakes: Vec<_> = samples.iter().zip(probabilities).filter_map(mistake).collect();
    mistakes.sort_by(|one, other| other.confidence.total_cmp(&one.confidence));
    mistakes
}
