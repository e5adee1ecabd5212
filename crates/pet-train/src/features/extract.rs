//! From images to features, in parallel over images.

use std::path::PathBuf;

use candle_core::{Device, Module, Tensor};
use fs_err as fs;
use pet_data::{Progress, Sample, Unit};
use pet_image::{Limits, Preprocess};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use super::cache::{FeatureCache, ImageDigest};
use crate::network::Backbone;
use crate::{Error, Interrupt};

/// What is held of a data set in memory at most.
const MAX_BYTES: u64 = 1 << 30;

/// What the frozen part of the network makes of a set of images.
#[derive(Clone, Debug)]
pub struct Features {
    /// `[images, length]`.
    pub values: Vec<f32>,
    /// The same of the mirrored images, where those were asked for.
    pub mirrored: Option<Vec<f32>>,
    /// Numbers for one image: 1280 for the whole backbone.
    pub length: usize,
    /// Class indices, one for each image.
    pub labels: Vec<u32>,
}

impl Features {
    /// The first `count` images, and the others.
    #[must_use]
    pub fn split_at(mut self, count: usize) -> (Self, Self) {
        let count = count.min(self.labels.len());
        let at = count * self.length;
        let rest = Self {
            values: self.values.split_off(at),
            mirrored: self.mirrored.as_mut().map(|values| values.split_off(at)),
            length: self.length,
            labels: self.labels.split_off(count),
        };
        (self, rest)
    }
}

/// What features are made with.
pub struct Extractor<'a> {
    /// The frozen part of the network.
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
    /// The features of `samples`, from `cache` where it has them, and those of their mirror images when a cache for them
    /// is given; new ones are added to the caches and saved, also when something fails half-way.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableImages`] naming all images that could not be used, [`Error::ActivationsTooLarge`],
    /// [`Error::Interrupted`], or a failure of the network or the cache.
    pub fn extract(
        &self,
        samples: &[Sample],
        cache: &mut FeatureCache,
        mirrored: Option<&mut FeatureCache>,
        progress: &dyn Progress,
    ) -> Result<Features, Error> {
        let length = self.backbone.output_values(self.preprocess.size() as usize);
        let times = 1 + usize::from(mirrored.is_some());
        let got = (samples.len() * length * times * size_of::<f32>()) as u64;
        if got > MAX_BYTES {
            let expected = MAX_BYTES;
            return Err(Error::ActivationsTooLarge { expected, got });
        }
        let mirrored = mirrored.map(|cache| self.pass(samples, cache, true, progress));
        Ok(Features {
            mirrored: mirrored.transpose()?,
            values: self.pass(samples, cache, false, progress)?,
            length,
            labels: samples.iter().map(|sample| sample.class as u32).collect(),
        })
    }

    fn pass(
        &self,
        samples: &[Sample],
        cache: &mut FeatureCache,
        mirrored: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<f32>, Error> {
        progress.start("features", samples.len() as u64, Unit::Images);
        let outcomes: Vec<Result<Extracted, (PathBuf, Error)>> = samples
            .par_iter()
            .map(|sample| {
                let outcome = self
                    .one(sample, cache, mirrored)
                    .map_err(|error| (sample.path.clone(), error));
                progress.advance(1);
                outcome
            })
            .collect();
        progress.finish();
        let mut values = Vec::new();
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
        if failures.is_empty() {
            Ok(values)
        } else {
            Err(Error::UnreadableImages { failures })
        }
    }

    fn one(
        &self,
        sample: &Sample,
        cache: &FeatureCache,
        mirrored: bool,
    ) -> Result<Extracted, Error> {
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
        if mirrored {
            tensor.chunks_exact_mut(size).for_each(<[f32]>::reverse);
        }
        let image = Tensor::from_vec(tensor, (1, 3, size, size), &Device::Cpu)?;
        let features = self.backbone.forward(&image)?.flatten_all()?.to_vec1()?;
        Ok(Extracted { digest, features })
    }
}
