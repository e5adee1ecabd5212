//! How well a model detects images of none of its classes.

use std::path::{Path, PathBuf};

use pet_data::{LeftOut, Progress, Sample, walk};
use pet_predict::{ImagePredictor, Prediction};
use serde::Serialize;

use super::images::predict_all;
use crate::error::Error;

/// The recall at which false positives are counted.
const RECALL: f64 = 0.95;
/// Maximum number of reported images.
const SHOWN: usize = 10;

/// Metrics of outlier detection.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OutlierMetrics {
    /// Number of outliers.
    pub images: usize,
    /// Share of outliers that the model recognizes as one of its classes, 0 to 1.
    pub known: f64,
    /// Area under the receiver operating characteristic: the probability that an image of the classes is more similar to
    /// them than an outlier, 0 to 1.
    pub auroc: f64,
    /// Share of outliers that are accepted by the threshold that accepts 95 % of the images of the classes.
    pub false_positives_at_95: f64,
    /// Up to 10 outliers that are recognized as one of the classes, the most similar first.
    pub taken: Vec<PathBuf>,
}

impl OutlierMetrics {
    /// Compares the images in a folder with images of the classes, which have these similarities.
    pub(super) fn measure(
        known: &[f32],
        predictor: &ImagePredictor,
        folder: &Path,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let files = walk::images(folder, &mut LeftOut::default())?;
        if files.is_empty() {
            return Err(Error::NoPictures { folder: folder.to_owned() });
        }
        let samples: Vec<_> = files.into_iter().map(|path| Sample { path, class: 0 }).collect();
        let predictions = predict_all(predictor, &samples, "predicting outliers", progress)?;
        let similarities: Vec<f32> =
            predictions.iter().filter_map(Prediction::similarity).collect();
        let threshold = lower_quantile(known, 1.0 - RECALL);
        let at_95 = similarities.iter().filter(|one| **one >= threshold);
        let taken = taken(&samples, &predictions);
        let share = |count: usize| count as f64 / samples.len() as f64;
        Ok(Self {
            images: samples.len(),
            known: share(taken.len()),
            auroc: area(known, &similarities),
            false_positives_at_95: share(at_95.count()),
            taken: taken.into_iter().take(SHOWN).collect(),
        })
    }
}

/// The images that the model recognizes as one of its classes, the most similar first.
fn taken(samples: &[Sample], predictions: &[Prediction]) -> Vec<PathBuf> {
    let pairs = samples.iter().zip(predictions);
    let known = pairs.filter(|(_, prediction)| prediction.is_known() == Some(true));
    let mut known: Vec<_> = known.collect();
    known.sort_by(|(_, one), (_, other)| {
        let similarity = |prediction: &Prediction| prediction.similarity().unwrap_or(-1.0);
        similarity(other).total_cmp(&similarity(one))
    });
    let paths = known.into_iter().map(|(sample, _)| sample.path.clone());
    paths.collect()
}

/// The value that a `share` of the numbers is below.
fn lower_quantile(numbers: &[f32], share: f64) -> f32 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f32::total_cmp);
    let below = (sorted.len() as f64 * share) as usize;
    sorted.get(below).copied().unwrap_or(f32::MAX)
}

/// The probability that a random one of `high` is larger than one of `low`, counting ties as half
/// ([Mann and Whitney 1947](https://doi.org/10.1214/aoms/1177730491)).
fn area(high: &[f32], low: &[f32]) -> f64 {
    let mut sorted = low.to_vec();
    sorted.sort_by(f32::total_cmp);
    let won = |one: &f32| {
        let smaller = sorted.partition_point(|other| other < one);
        let not_larger = sorted.partition_point(|other| other <= one);
        (smaller + not_larger) as f64 / 2.0
    };
    let pairs = high.len() as f64 * low.len() as f64;
    high.iter().map(won).sum::<f64>() / pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auroc_is_the_share_of_ordered_pairs() {
        let same = |one: f64, other: f64| (one - other).abs() < 1e-12;
        assert!(same(area(&[0.8, 0.9], &[0.1, 0.7]), 1.0));
        assert!(same(area(&[0.1], &[0.8, 0.9]), 0.0));
        assert!(same(area(&[0.5, 0.5], &[0.5]), 0.5));
        // (0.4 > 0.1), (0.4 < 0.6), (0.7 > 0.1), (0.7 > 0.6)
        assert!(same(area(&[0.4, 0.7], &[0.1, 0.6]), 0.75));
    }

    #[test]
    fn quantile_has_its_share_below() {
        let numbers: Vec<f32> = (0_u8..100).rev().map(f32::from).collect();
        assert!((lower_quantile(&numbers, 0.05) - 5.0).abs() < f32::EPSILON);
        assert!((lower_quantile(&numbers[..3], 0.05) - 97.0).abs() < f32::EPSILON);
    }
}
