//! What the model makes of the images.

use std::path::PathBuf;

use fs_err as fs;
use pet_data::{Progress, Sample, Unit};
use pet_model::SplitMetrics;
use pet_predict::ImagePredictor;
use pet_report::{ConfusionMatrix, measure_logits, probabilities};
use serde::Serialize;

use super::images::Images;
use super::pictures::Pictures;
use crate::command::image_file::at;
use crate::failure::Failure;

/// Images that are predicted together, between two steps of the progress bar.
const BATCH: usize = 32;
/// Confusions and mistakes that are shown.
const SHOWN: usize = 20;

/// Images with the model's answers and what follows from them.
pub(super) struct Measured {
    pub(super) name: String,
    pub(super) model: String,
    pub(super) classes: Vec<String>,
    pub(super) figures: SplitMetrics,
    pub(super) confusion: ConfusionMatrix,
    /// The most confident first.
    pub(super) mistakes: Vec<Mistake>,
    /// How many mistakes there are altogether.
    pub(super) mistaken: usize,
    pub(super) pictures: Pictures,
}

/// An image that was taken for another class.
#[derive(Clone, Serialize)]
pub(super) struct Mistake {
    pub(super) file: PathBuf,
    pub(super) actual: String,
    pub(super) predicted: String,
    pub(super) confidence: f32,
}

/// All that is known, for programs.
#[derive(Serialize)]
pub(super) struct ForPrograms<'a> {
    #[serde(flatten)]
    figures: &'a SplitMetrics,
    confusions: Vec<Confusion<'a>>,
    mistakes: &'a [Mistake],
}

#[derive(Serialize)]
struct Confusion<'a> {
    actual: &'a str,
    predicted: &'a str,
    images: usize,
}

impl Measured {
    pub(super) fn new(
        predictor: &ImagePredictor,
        images: Images,
        progress: &dyn Progress,
    ) -> Result<Self, Failure> {
        let metadata = predictor.metadata();
        let classes = metadata.classes.clone();
        let logits = logits(predictor, &images.samples, progress)?;
        let labels: Vec<usize> = images.samples.iter().map(|sample| sample.class).collect();
        let temperature = metadata.temperature();
        let probabilities = probabilities(&logits, temperature)?;
        let mut mistakes = mistakes(&images.samples, &probabilities, &classes);
        let mistaken = mistakes.len();
        mistakes.truncate(SHOWN);
        let mut measured = Self {
            figures: measure_logits(&logits, &labels, &classes, temperature, &images.command)?,
            confusion: ConfusionMatrix::new(&probabilities, &labels, classes.len())?,
            name: images.name,
            model: metadata.model_name.clone(),
            classes,
            mistakes,
            mistaken,
            pictures: Vec::new(),
        };
        measured.pictures = measured.draw()?;
        Ok(measured)
    }

    /// The most frequent confusions: actual class, predicted class, images.
    pub(super) fn confusions(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        let name = |class: usize| self.classes.get(class).map_or("?", String::as_str);
        let worst = self.confusion.worst(SHOWN).into_iter();
        worst.map(move |one| (name(one.actual), name(one.predicted), one.count))
    }

    pub(super) fn for_programs(&self) -> ForPrograms<'_> {
        let confusions = self.confusions();
        ForPrograms {
            figures: &self.figures,
            confusions: confusions
                .map(|(actual, predicted, images)| Confusion {
                    actual,
                    predicted,
                    images,
                })
                .collect(),
            mistakes: &self.mistakes,
        }
    }
}

/// The logits of each image.
fn logits(
    predictor: &ImagePredictor,
    samples: &[Sample],
    progress: &dyn Progress,
) -> Result<Vec<Vec<f32>>, Failure> {
    let mut logits = Vec::with_capacity(samples.len());
    progress.start("evaluating", samples.len() as u64, Unit::Images);
    for batch in samples.chunks(BATCH) {
        let contents = batch.iter().map(|sample| fs::read(&sample.path));
        let contents = contents.collect::<Result<Vec<_>, _>>()?;
        for (sample, prediction) in batch.iter().zip(predictor.predict_batch(&contents)) {
            let prediction = prediction.map_err(|error| at(&sample.path, error.into()))?;
            logits.push(prediction.logits().to_vec());
        }
        progress.advance(batch.len() as u64);
    }
    progress.finish();
    Ok(logits)
}

/// All mistakes, the most confident first.
fn mistakes(samples: &[Sample], probabilities: &[Vec<f32>], classes: &[String]) -> Vec<Mistake> {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let mistake = |(sample, row): (&Sample, &Vec<f32>)| {
        // As `measure` has it: of equally probable classes the first.
        let by_probability = |one: &(usize, &f32), other: &(usize, &f32)| {
            one.1.total_cmp(other.1).then(other.0.cmp(&one.0))
        };
        let (guess, &confidence) = row.iter().enumerate().max_by(by_probability)?;
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
