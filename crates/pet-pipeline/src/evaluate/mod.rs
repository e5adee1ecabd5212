//! Evaluation of exported models: metrics, plots, and saving both.

mod images;
mod outliers;

use std::path::{Path, PathBuf};

use mlflow_client::{Batch, Client};
use pet_data::{Progress, Sample};
use pet_image::{Limits, RgbImage, decode};
use pet_model::{
    CONFUSION_FILE, METRICS_FILE, Metrics, ModelMetadata, Precision, SplitMetrics, read_json,
    write_json,
};
use pet_predict::{ImagePredictor, Prediction};
use pet_report::{
    ConfusionMatrix, Tile, confusion_matrix_png, contact_sheet_png, measure_logits, probabilities,
    refresh_card,
};
use serde::Serialize;

use crate::error::Error;
use crate::tracking::metrics_batch;

pub use images::{ImageSet, Part, image_error, predict_all, read_image};
pub use outliers::OutlierMetrics;

/// Maximum number of reported confusions and mistakes.
const SHOWN: usize = 20;

/// The photos of the most confident mistakes. Not under version control, because of the photos' copyright.
const MISTAKES_FILE: &str = "mistakes.png";

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

/// Evaluates a model on images, with the same predictions as the service.
///
/// # Errors
///
/// [`Error::Image`] for an image that cannot be read or predicted, [`Error::Report`] without images.
pub fn evaluate(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    let mut evaluation = evaluate_metrics(predictor, images, progress)?;
    evaluation.plots = evaluation.draw(&predictor.model().options().image)?;
    Ok(evaluation)
}

/// Like [`evaluate`], but without plots.
///
/// # Errors
///
/// As [`evaluate`].
pub fn evaluate_metrics(
    predictor: &ImagePredictor,
    images: &ImageSet,
    progress: &dyn Progress,
) -> Result<Evaluation, Error> {
    let ModelMetadata { model_name, classes, .. } = predictor.metadata();
    let temperature = predictor.metadata().temperature();
    let predictions = predict_all(predictor, &images.samples, "evaluating", progress)?;
    let logits: Vec<_> = predictions.iter().map(|one| one.logits().to_vec()).collect();
    let labels: Vec<usize> = images.samples.iter().map(|sample| sample.class).collect();
    let probabilities = probabilities(&logits, temperature)?;
    let right = probabilities.iter().zip(&labels);
    let mut mistakes = mistakes(&images.samples, &probabilities, classes);
    let mistaken = mistakes.len();
    mistakes.truncate(SHOWN);
    let measured = measure_logits(&logits, &labels, classes, temperature, &images.command)?;
    Ok(Evaluation {
        metrics: SplitMetrics { known: share_known(&predictions), ..measured },
        confusion: ConfusionMatrix::new(&probabilities, &labels, classes.len())?,
        name: images.name.clone(),
        model: model_name.clone(),
        classes: classes.clone(),
        right: right.map(|(row, label)| top_class(row) == Some(*label)).collect(),
        mistakes,
        mistaken,
        similarities: predictions.iter().filter_map(Prediction::similarity).collect(),
        plots: Vec::new(),
    })
}

impl Evaluation {
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

    /// Predicts the outliers in a folder and its subfolders and compares them with the evaluated images.
    ///
    /// # Errors
    ///
    /// [`Error::NoSimilarity`] for a model that cannot detect outliers, [`Error::NoPictures`] for a folder without images,
    /// [`Error::Image`] for an image that cannot be read or predicted.
    pub fn compare_outliers(
        &self,
        predictor: &ImagePredictor,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<OutlierMetrics, Error> {
        if self.similarities.is_empty() {
            return Err(Error::NoSimilarity { model: self.model.clone() });
        }
        OutlierMetrics::measure(&self.similarities, predictor, folder, progress)
    }

    /// Draws the plots. The matrix is left out if it has too many classes to be legible.
    fn draw(&self, limits: &Limits) -> Result<Vec<(&'static str, Vec<u8>)>, Error> {
        let mut plots = Vec::new();
        let title = format!("{}: {}", self.model, images_of(&self.name));
        match confusion_matrix_png(&self.confusion, &self.classes, &title) {
            Ok(png) => plots.push((CONFUSION_FILE, png)),
            Err(pet_report::Error::TooManyClasses { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        plots.push((MISTAKES_FILE, self.contact_sheet(limits)?));
        Ok(plots)
    }

    fn contact_sheet(&self, limits: &Limits) -> Result<Vec<u8>, Error> {
        let photograph = |mistake: &Mistake| {
            let decoded = decode(&read_image(&mistake.file, limits)?, limits);
            Ok(decoded.map_err(image_error(&mistake.file))?.image)
        };
        let photographs: Result<Vec<RgbImage>, Error> =
            self.mistakes.iter().map(photograph).collect();
        let captions = self.mistakes.iter().map(|mistake| {
            let name = mistake.file.file_stem().unwrap_or_default().to_string_lossy();
            let confidence = 100.0 * mistake.confidence;
            (format!("→ {}", mistake.predicted), format!("{confidence:.1} %  {name}"))
        });
        let (photographs, captions) = (photographs?, captions.collect::<Vec<_>>());
        let rows = self.mistakes.iter().zip(photographs.iter().zip(&captions));
        let tiles = rows.map(|(mistake, (photograph, (problem, name)))| Tile {
            photograph: Some(photograph),
            title: &mistake.actual,
            problem,
            name,
        });
        let tiles: Vec<_> = tiles.collect();
        let title = format!("Most confident mistakes on the {}", images_of(&self.name));
        let note = format!(
            "{} of {} images misclassified; the {} most confident: class → prediction, confidence, file",
            self.mistaken,
            self.metrics.images,
            tiles.len()
        );
        Ok(contact_sheet_png(&tiles, &title, &note, "no mistakes")?)
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

/// The images of a split or folder, for a title.
fn images_of(key: &str) -> String {
    match Precision::of_key(key) {
        (name, Precision::Fp32) => format!("{name} images"),
        (name, precision) => format!("{name} images, {precision}"),
    }
}

/// The most probable class, the first one in case of a tie, as in `measure_logits`.
fn top_class(row: &[f32]) -> Option<usize> {
    let by_probability = |one: &(usize, &f32), other: &(usize, &f32)| {
        one.1.total_cmp(other.1).then(other.0.cmp(&one.0))
    };
    row.iter().enumerate().max_by(by_probability).map(|(class, _)| class)
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

/// Adds metrics to the `results` folder of the model and updates its card. `usage` is Markdown for the card that explains
/// how to use the model with the calling program; it may be empty.
///
/// # Errors
///
/// [`Error::File`] when a file is damaged or cannot be written.
pub fn add_to_results(
    results: &Path,
    metadata: &ModelMetadata,
    evaluations: &[Evaluation],
    usage: &str,
) -> Result<(), Error> {
    let file = results.join(METRICS_FILE);
    let mut metrics: Metrics = if file.exists() { read_json(&file)? } else { Metrics::default() };
    let splits = evaluations.iter().map(|one| (one.name.clone(), one.metrics.clone()));
    metrics.splits.extend(splits);
    write_json(&file, &metrics)?;
    refresh_card(results, metadata, usage)?;
    Ok(())
}

/// Logs metrics and plots to the run that trained the model.
///
/// # Errors
///
/// [`Error::Store`] when the run does not exist or the store fails.
pub fn log_to_run(client: &Client, run_id: &str, evaluations: &[Evaluation]) -> Result<(), Error> {
    client.check()?;
    let run = client.run(run_id)?;
    let artifacts = client.artifacts(&run.artifact_uri)?;
    for evaluation in evaluations {
        let folder = format!("evaluation/{}", evaluation.name);
        let json = serde_json::to_vec_pretty(evaluation)?;
        artifacts.upload_bytes(&json, &format!("{folder}/metrics.json"))?;
        for (name, png) in &evaluation.plots {
            artifacts.upload_bytes(png, &format!("{folder}/{name}"))?;
        }
        client.log_batch(run_id, &batch(evaluation))?;
    }
    Ok(())
}

fn batch(evaluation: &Evaluation) -> Batch {
    let metrics = &evaluation.metrics;
    let calibration = metrics.calibration.as_ref();
    let values = [
        ("acc", Some(metrics.top1)),
        ("top5_acc", Some(metrics.top5)),
        ("macro_f1", Some(metrics.macro_f1)),
        ("loss", Some(metrics.loss)),
        ("calibration_error", calibration.map(|one| one.error)),
    ];
    let key = |name| format!("{}_{name}", evaluation.name);
    metrics_batch(values.map(|(name, value)| (key(name), value)), 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_have_no_keys_of_metrics() {
        assert_eq!(images_of("test"), "test images");
        assert_eq!(images_of("test_int8"), "test images, int8");
    }
}
