//! Label errors, by confident learning (Northcutt, Jiang & Chuang 2021) on out-of-fold predictions.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use pet_data::{Progress, Sample, Split, Unit, grouped_folds, task};
use pet_image::{Limits, Preprocess, Resize};
use pet_model::softmax;
use pet_train::network::Backbone;
use pet_train::{
    Configuration, EpochMetrics, Extractor, FeatureCache, Features, Interrupt, Observer, Trainer,
    Weights,
};

use crate::error::Error;

/// Classes with fewer images are skipped, because the classifier has hardly seen them.
const MIN_IMAGES: usize = 5;

/// A label is suspected if its probability is below this share of the mean for its class. With 100 and with 400 swapped
/// labels among 3,680 photos, this gave a higher F1 than all methods of cleanlab on the same probabilities
/// (docs/data-check.md).
const SHARE: f32 = 0.03;

/// Maximum number of folds.
const FOLDS: usize = 5;
const SEED: u64 = 42;

/// A label that is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelError {
    /// Index of the image.
    pub image: usize,
    /// The labelled class.
    pub given: usize,
    /// The predicted class.
    pub likely: usize,
    /// Probability of the labelled class.
    pub given_probability: f32,
    /// Probability of the predicted class.
    pub likely_probability: f32,
}

/// Finds labels that are probably wrong, the least probable first. `probabilities` has a row for each image, from a
/// classifier that was not trained on it.
///
/// The confident class of an image is the most probable one among those whose probability is at least the mean
/// self-confidence of the class. The number of images whose confident class differs from their label (the off-diagonal sum
/// of the paper's confident joint) is the maximum number of suspects. Suspects are the images with the least probable labels
/// for which another class is more probable and the label's probability is unusually low for its class.
///
/// ```
/// use pet_pipeline::check::label_errors;
///
/// let mut probabilities = vec![vec![0.9, 0.1]; 5];
/// probabilities.extend(vec![vec![0.2, 0.8]; 5]);
/// // An image of the second class with the label of the first.
/// probabilities.push(vec![0.01, 0.99]);
/// let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0];
/// let errors = label_errors(&probabilities, &labels);
/// assert_eq!((errors[0].image, errors[0].likely, errors.len()), (10, 1, 1));
/// ```
pub fn label_errors(probabilities: &[Vec<f32>], labels: &[usize]) -> Vec<LabelError> {
    let classes = probabilities.iter().map(Vec::len).max().unwrap_or(0);
    let thresholds = self_confidence(probabilities, labels, classes);
    let rows = || probabilities.iter().zip(labels.iter().copied());
    let confident = rows().filter(|(row, label)| {
        let class = confident_class(row, &thresholds);
        class.is_some_and(|class| class != *label)
    });
    let max = confident.count();
    let suspect = |(image, (row, given)): (usize, (&Vec<f32>, usize))| {
        let given_probability = *row.get(given)?;
        let (likely, likely_probability) = likeliest(row.iter().copied().enumerate())?;
        let threshold = thresholds.get(given).copied().flatten()?;
        (likely != given && given_probability < SHARE * threshold).then_some(LabelError {
            image,
            given,
            likely,
            given_probability,
            likely_probability,
        })
    };
    let mut suspects: Vec<LabelError> = rows().enumerate().filter_map(suspect).collect();
    suspects.sort_by(|one, other| one.given_probability.total_cmp(&other.given_probability));
    suspects.truncate(max);
    suspects
}

/// The mean probability of each class over its own images; `None` for classes with few images.
fn self_confidence(
    probabilities: &[Vec<f32>],
    labels: &[usize],
    classes: usize,
) -> Vec<Option<f32>> {
    let mut sums = vec![(0.0, 0); classes];
    for (row, &label) in probabilities.iter().zip(labels) {
        if let (Some((sum, count)), Some(own)) = (sums.get_mut(label), row.get(label)) {
            *sum += own;
            *count += 1;
        }
    }
    let mean = |(sum, count): (f32, usize)| (count >= MIN_IMAGES).then(|| sum / count as f32);
    sums.into_iter().map(mean).collect()
}

/// The most probable class among those whose probability reaches their threshold.
fn confident_class(row: &[f32], thresholds: &[Option<f32>]) -> Option<usize> {
    let classes = row.iter().copied().zip(thresholds).enumerate();
    let confident = classes.filter_map(|(class, (probability, threshold))| {
        (probability >= (*threshold)?).then_some((class, probability))
    });
    likeliest(confident).map(|(class, _)| class)
}

/// The most probable class and its probability; the last one in case of a tie.
fn likeliest(classes: impl Iterator<Item = (usize, f32)>) -> Option<(usize, f32)> {
    classes.max_by(|one, other| one.1.total_cmp(&other.1))
}

/// Class probabilities of every image, from a classifier that was trained on other images.
#[derive(Debug)]
pub struct OutOfFold {
    /// One row for each image.
    pub probabilities: Vec<Vec<f32>>,
    /// Share of images whose label is the most probable class, 0 to 1.
    pub accuracy: f64,
}

/// What the predictions are made from.
pub(super) struct Inputs<'a> {
    pub(super) samples: &'a [Sample],
    /// Duplicate images, which must be in the same fold.
    pub(super) groups: &'a [Vec<PathBuf>],
    pub(super) classes: usize,
    pub(super) backbone: &'a Path,
    pub(super) cache: &'a Path,
    pub(super) limits: Limits,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: &'a dyn Progress,
}

impl Inputs<'_> {
    /// `None` without two images that are not duplicates.
    pub(super) fn run(&self) -> Result<Option<OutOfFold>, Error> {
        let folds = self.folds()?;
        if folds.is_empty() {
            return Ok(None);
        }
        let weights = Weights::open(self.backbone)?.without_head();
        let features = self.features(&weights)?;
        let samples = self.samples.iter().enumerate();
        let by_path = samples.map(|(index, sample)| (sample.path.as_path(), index)).collect();
        let configuration = Configuration { seed: SEED, ..Configuration::default() };
        let seen = (folds.len() * configuration.epochs * self.samples.len()) as u64;
        let mut rows = vec![Vec::new(); self.samples.len()];
        task(self.progress, "label check", seen, Unit::Images, || {
            for fold in &folds {
                let train = select(&features, &indices(&by_path, &fold.train));
                let own = indices(&by_path, &fold.validation);
                let validation = select(&features, &own);
                let trained = Trainer::new(&weights, self.classes, &train, &configuration)
                    .with_validation(Some(&validation))
                    .with_interrupt(self.interrupt)
                    .run(&mut BatchProgress(self.progress))?;
                for (index, logits) in own.into_iter().zip(trained.logits) {
                    rows[index] = softmax(&logits, 1.0).unwrap_or_default();
                }
            }
            Ok::<(), Error>(())
        })?;
        Ok(Some(OutOfFold { accuracy: accuracy(&rows, &features.labels), probabilities: rows }))
    }

    /// As many folds as there can be up to [`FOLDS`]; none if all images show the same.
    fn folds(&self) -> Result<Vec<Split>, Error> {
        for count in (2..=FOLDS).rev() {
            match grouped_folds(self.samples, count, SEED, self.groups) {
                Err(pet_data::Error::Folds { .. }) => {}
                folds => return Ok(folds?),
            }
        }
        Ok(Vec::new())
    }

    fn features(&self, weights: &Weights) -> Result<Features, Error> {
        let backbone = Backbone::new(weights)?;
        // The same as the default of training, so that both use the same cached features.
        let recipe = &weights.architecture().recipe;
        let size = recipe.size();
        let recipe = Preprocess { resize: Resize::Stretch { size }, ..recipe.clone() };
        let folder = self.cache.join("features");
        let mut cache = FeatureCache::open(&folder, &weights.digest()?, &backbone, &recipe, false)?;
        let extractor = Extractor::new(&backbone, &recipe)
            .with_limits(self.limits)
            .with_interrupt(self.interrupt);
        Ok(extractor.extract(self.samples, &mut cache, None, self.progress)?)
    }
}

/// The indices of some of the samples, sorted.
fn indices(by_path: &HashMap<&Path, usize>, chosen: &[Sample]) -> Vec<usize> {
    let index = |sample: &Sample| by_path.get(sample.path.as_path()).copied();
    let mut indices: Vec<usize> = chosen.iter().filter_map(index).collect();
    indices.sort_unstable();
    indices
}

fn select(features: &Features, chosen: &[usize]) -> Features {
    let length = features.length;
    let values = chosen.iter().flat_map(|index| &features.values[index * length..][..length]);
    Features {
        values: values.copied().collect(),
        mirrored: None,
        length,
        labels: chosen.iter().map(|&index| features.labels[index]).collect(),
    }
}

fn accuracy(rows: &[Vec<f32>], labels: &[u32]) -> f64 {
    let correct = rows.iter().zip(labels).filter(|(row, label)| {
        let found = likeliest(row.iter().copied().enumerate());
        found.is_some_and(|(class, _)| class == **label as usize)
    });
    correct.count() as f64 / rows.len().max(1) as f64
}

struct BatchProgress<'a>(&'a dyn Progress);

impl Observer for BatchProgress<'_> {
    fn epoch(&mut self, _: &EpochMetrics) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Ok(())
    }

    fn images(&mut self, count: usize) {
        self.0.advance(count as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of three classes, each with the probability 0.8 for its class.
    fn clean(each: usize) -> (Vec<Vec<f32>>, Vec<usize>) {
        let labels: Vec<usize> = (0..3 * each).map(|image| image % 3).collect();
        let row = |&label: &usize| {
            let mut row = vec![0.1; 3];
            row[label] = 0.8;
            row
        };
        (labels.iter().map(row).collect(), labels)
    }

    #[test]
    fn clean_labels_are_not_suspected() {
        let (probabilities, labels) = clean(10);
        assert_eq!(label_errors(&probabilities, &labels), []);
    }

    #[test]
    fn swapped_labels_are_found_least_probable_first() {
        let (mut probabilities, labels) = clean(20);
        // Their labels are 1 and 2.
        probabilities[4] = vec![0.98, 0.015, 0.005];
        probabilities[5] = vec![0.001, 0.995, 0.004];
        let errors = label_errors(&probabilities, &labels);
        let found: Vec<_> = errors.iter().map(|one| (one.image, one.likely)).collect();
        assert_eq!(found, [(5, 1), (4, 0)]);
        assert!((errors[0].given_probability - 0.004).abs() < 1e-6);
    }

    #[test]
    fn uncertain_predictions_are_not_errors() {
        let (mut probabilities, labels) = clean(20);
        // In the first, the label is not improbable enough; in the second, no class is confident.
        probabilities[3] = vec![0.3, 0.6, 0.1];
        probabilities[6] = vec![0.02, 0.5, 0.48];
        assert_eq!(label_errors(&probabilities, &labels), []);
    }

    #[test]
    fn classes_with_few_images_are_skipped() {
        let (mut probabilities, mut labels) = clean(10);
        for _ in 0..MIN_IMAGES - 1 {
            probabilities.push(vec![0.99, 0.01, 0.0, 0.0]);
            labels.push(3);
        }
        assert_eq!(label_errors(&probabilities, &labels), []);
        probabilities.push(vec![0.0, 0.0, 0.0, 1.0]);
        labels.push(3);
        let errors = label_errors(&probabilities, &labels);
        assert_eq!(errors.len(), MIN_IMAGES - 1);
    }

    #[test]
    fn inputs_of_any_shape_are_accepted() {
        assert_eq!(label_errors(&[], &[]), []);
        assert_eq!(label_errors(&[vec![]], &[0]), []);
        assert_eq!(label_errors(&[vec![0.5, 0.5]], &[7]), []);
    }
}
