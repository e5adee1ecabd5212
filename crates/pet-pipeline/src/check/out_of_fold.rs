//! Out-of-fold predictions.

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

use super::labels::likeliest;
use crate::error::Error;

/// Maximum number of folds.
const FOLDS: usize = 5;
const SEED: u64 = 42;

/// Class probabilities of every image, from a classifier that was trained on other images.
#[derive(Debug)]
pub struct OutOfFold {
    /// One row for each image.
    pub probabilities: Vec<Vec<f32>>,
    /// Share of images whose label is the most probable class, 0 to 1.
    pub accuracy: f64,
}

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
        let indices = Indices::new(self.samples);
        let configuration = Configuration { seed: SEED, ..Configuration::default() };
        let seen = (folds.len() * configuration.epochs * self.samples.len()) as u64;
        let mut rows = vec![Vec::new(); self.samples.len()];
        task(self.progress, "label check", seen, Unit::Images, || {
            for fold in &folds {
                let (others, own) = (indices.of(&fold.train), indices.of(&fold.validation));
                let (train, validation) = (select(&features, &others), select(&features, &own));
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

/// The indices of the samples by path.
struct Indices<'a>(HashMap<&'a Path, usize>);

impl<'a> Indices<'a> {
    fn new(samples: &'a [Sample]) -> Self {
        let samples = samples.iter().enumerate();
        Self(samples.map(|(index, sample)| (sample.path.as_path(), index)).collect())
    }

    /// The indices of some of the samples, sorted.
    fn of(&self, chosen: &[Sample]) -> Vec<usize> {
        let chosen = chosen.iter();
        let indices = chosen.filter_map(|sample| self.0.get(sample.path.as_path()).copied());
        let mut indices: Vec<usize> = indices.collect();
        indices.sort_unstable();
        indices
    }
}

fn select(features: &Features, chosen: &[usize]) -> Features {
    let length = features.length;
    let values = chosen.iter();
    let values = values.flat_map(|index| &features.values[index * length..][..length]);
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
