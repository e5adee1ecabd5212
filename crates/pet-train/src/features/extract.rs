//! From images to features, in parallel over images.

use std::path::PathBuf;

use candle_core::{Device, Module, Tensor};
use fs_err as fs;
use pet_data::{Progress, Sample, Unit};
use pet_image::{Limits, Preprocess};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::cache::{FeatureCache, ImageDigest};
use crate::mobilenet::{Backbone, FEATURES};
use crate::{Error, Interrupt};

/// Features and labels of a set of images.
#[derive(Clone, Debug)]
pub struct Features {
    /// `[images, 1280]`.
    pub values: Tensor,
    /// Class indices, one for each image.
    pub labels: Vec<u32>,
}

impl Features {
    /// The first `count` images, and the others.
    ///
    /// # Errors
    ///
    /// When there are fewer than `count`.
    pub fn split_at(self, count: usize) -> Result<(Self, Self), Error> {
        let all = self.labels.len();
        let part = |first: usize, end: usize| {
            let values = self.values.narrow(0, first, end.saturating_sub(first))?;
            let labels = self.labels.get(first..end).unwrap_or_default().to_vec();
            Ok::<_, Error>(Self { values, labels })
        };
        Ok((part(0, count)?, part(count, all)?))
    }
}

/// What features are made with.
pub struct Extractor<'a> {
    /// The network.
    pub backbone: &'a Backbone,
    /// From image bytes to the network's input.
    pub preprocess: &'a Preprocess,
    /// What is refused unread.
    pub limits: Limits,
    /// Set to stop early.
    pub interrupt: &'a Interrupt,
}

/// One image's features, and its digest when they were not in the cache.
struct Extracted {
    digest: ImageDigest,
    features: Vec<f32>,
}

impl Extractor<'_> {
    /// The features of `samples`, from `cache` where it has them; new ones are added to it and saved, also when
    /// something fails half-way.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableImages`] naming all images that could not be used, [`Error::Interrupted`], or a failure
    /// of the network or the cache.
    pub fn extract(
        &self,
        samples: &[Sample],
        cache: &mut FeatureCache,
        progress: &dyn Progress,
    ) -> Result<Features, Error> {
        progress.start("features", samples.len() as u64, Unit::Images);
        let outcomes: Vec<Result<Extracted, (PathBuf, Error)>> = samples
            .par_iter()
            .map(|sample| {
                let outcome = self
                    .one(sample, cache)
                    .map_err(|error| (sample.path.clone(), error));
                progress.advance(1);
                outcome
            })
            .collect();
        progress.finish();
        let mut values = Vec::with_capacity(samples.len() * FEATURES);
        let mut failures = Vec::new();
        for outcome in outcomes {
            match outcome {
                Ok(Extracted { digest, features }) => {
                    values.extend_from_slice(&features);
                    cache.insert(digest, features);
                }
                Err(failure) => failures.push(failure),
            }
        }
        cache.save()?;
        self.interrupt.check()?;
        if !failures.is_empty() {
            return Err(Error::UnreadableImages { failures });
        }
        Ok(Features {
            values: Tensor::from_vec(values, (samples.len(), FEATURES), &Device::Cpu)?,
            labels: samples.iter().map(|sample| sample.class as u32).collect(),
        })
    }

    fn one(&self, sample: &Sample, cache: &FeatureCache) -> Result<Extracted, Error> {
        self.interrupt.check()?;
        let size = fs::metadata(&sample.path)?.len();
        if size > self.limits.bytes {
            return Err(Error::ImageTooLarge {
                expected: self.limits.bytes,
                got: size,
            });
        }
        let bytes = fs::read(&sample.path)?;
        let digest = Sha256::digest(&bytes).into();
        if let Some(features) = cache.get(&digest) {
            return Ok(Extracted {
                digest,
                features: features.to_vec(),
            });
        }
        let mut tensor = vec![0.0; self.preprocess.tensor_len()];
        self.preprocess.run(&bytes, &self.limits, &mut tensor)?;
        let size = self.preprocess.size() as usize;
        let image = Tensor::from_vec(tensor, (1, 3, size, size), &Device::Cpu)?;
        let features = self.backbone.forward(&image)?.squeeze(0)?.to_vec1()?;
        Ok(Extracted { digest, features })
    }
}
