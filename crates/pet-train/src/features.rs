//! Extraction of features, in parallel over images.

use std::path::Path;

use candle_core::{Device, Module, Tensor};
use fs_err as fs;
use pet_data::{FileDigests, Progress, Sample, Unit, read_at_most};
use pet_image::{Limits, Preprocess};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::feature_cache::{FeatureCache, ImageDigest};
use crate::network::Backbone;
use crate::{Error, Interrupt};

/// The largest features of a data set in memory.
const MAX_BYTES: u64 = 1 << 30;

/// The outputs of the frozen part of the network for a set of images.
#[derive(Clone, Debug)]
pub struct Features {
    /// `[images, length]`.
    pub values: Vec<f32>,
    /// The features of the mirrored images, if requested.
    pub mirrored: Option<Vec<f32>>,
    /// Values per image: 1280 for the whole backbone.
    pub length: usize,
    /// The class index of each image.
    pub labels: Vec<u32>,
}

impl Features {
    /// Splits off the images after the first `count`.
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

/// Computes features of images.
pub struct Extractor<'a> {
    backbone: &'a Backbone,
    preprocess: &'a Preprocess,
    limits: Limits,
    interrupt: Interrupt,
    digests: Option<&'a FileDigests>,
}

impl<'a> Extractor<'a> {
    /// Computes the output of `backbone`, the frozen part of a network, for images preprocessed by `preprocess`.
    pub fn new(backbone: &'a Backbone, preprocess: &'a Preprocess) -> Self {
        Self {
            backbone,
            preprocess,
            limits: Limits::default(),
            interrupt: Interrupt::default(),
            digests: None,
        }
    }

    /// Reports files with other digests as [`Error::ImageChanged`].
    #[must_use]
    pub fn with_digests(self, digests: &'a FileDigests) -> Self {
        let digests = Some(digests);
        Self { digests, ..self }
    }

    /// Sets the size limits of images.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Stops the extraction once `interrupt` is set.
    #[must_use]
    pub fn with_interrupt(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// Extracts the features of `samples`, and of their mirror images if a cache for those is given. Cached features are
    /// reused; new ones are added to the caches and saved, even after an error.
    ///
    /// # Errors
    ///
    /// [`Error::UnreadableImages`] with all images that cannot be used, [`Error::ActivationsTooLarge`],
    /// [`Error::Interrupted`], and errors of the network and the cache.
    pub fn extract(
        &self,
        samples: &[Sample],
        cache: &mut FeatureCache,
        mirrored: Option<&mut FeatureCache>,
        progress: &dyn Progress,
    ) -> Result<Features, Error> {
        let length = self.backbone.output_values(self.preprocess.size() as usize);
        let views = 1 + usize::from(mirrored.is_some());
        let got = (samples.len() * length * views * size_of::<f32>()) as u64;
        if got > MAX_BYTES {
            let expected = MAX_BYTES;
            return Err(Error::ActivationsTooLarge { expected, got });
        }
        let mirrored = mirrored.map(|cache| self.extract_all(samples, cache, true, progress));
        Ok(Features {
            mirrored: mirrored.transpose()?,
            values: self.extract_all(samples, cache, false, progress)?,
            length,
            labels: samples.iter().map(|sample| sample.class as u32).collect(),
        })
    }

    fn extract_all(
        &self,
        samples: &[Sample],
        cache: &mut FeatureCache,
        mirrored: bool,
        progress: &dyn Progress,
    ) -> Result<Vec<f32>, Error> {
        progress.start("features", samples.len() as u64, Unit::Images);
        let outcomes = samples.par_iter().map(|sample| {
            let outcome = self.extract_one(sample, cache, mirrored);
            progress.advance(1);
            outcome
        });
        let outcomes: Vec<Result<_, Error>> = outcomes.collect();
        progress.finish();
        let mut values = Vec::new();
        let mut failures = Vec::new();
        for (sample, outcome) in samples.iter().zip(outcomes) {
            match outcome {
                Ok((digest, features)) => {
                    values.extend_from_slice(&features);
                    cache.insert(digest, features);
                }
                Err(error) => failures.push((sample.path.clone(), error)),
            }
        }
        cache.save()?;
        self.interrupt.check()?;
        if failures.is_empty() { Ok(values) } else { Err(Error::UnreadableImages { failures }) }
    }

    fn extract_one(
        &self,
        sample: &Sample,
        cache: &FeatureCache,
        mirrored: bool,
    ) -> Result<(ImageDigest, Vec<f32>), Error> {
        self.interrupt.check()?;
        let (bytes, digest) = read_image(&sample.path, self.limits.bytes, self.digests)?;
        // The features may have been computed with higher limits. An image above the present ones is decoded, which fails.
        let pixels = || pet_image::cost(&bytes, &self.limits).pixels;
        let cached = cache.get(&digest);
        if let Some(features) = cached.filter(|_| (1..=self.limits.pixels).contains(&pixels())) {
            return Ok((digest, features.to_vec()));
        }
        let mut tensor = vec![0.0; self.preprocess.tensor_len()];
        self.preprocess.run(&bytes, &self.limits, &mut tensor)?;
        let size = self.preprocess.size() as usize;
        if mirrored {
            tensor.chunks_exact_mut(size).for_each(<[f32]>::reverse);
        }
        let image = Tensor::from_vec(tensor, (1, 3, size, size), &Device::Cpu)?;
        let features = self.backbone.forward(&image)?.flatten_all()?.to_vec1()?;
        Ok((digest, features))
    }
}

/// The bytes of an image file and their digest.
///
/// # Errors
///
/// [`Error::Io`]; [`Error::ImageTooLarge`] above `limit` bytes; [`Error::ImageChanged`] where `digests` have another one.
pub(crate) fn read_image(
    path: &Path,
    limit: u64,
    digests: Option<&FileDigests>,
) -> Result<(Vec<u8>, ImageDigest), Error> {
    let bytes = read_at_most(path, limit)?;
    if bytes.len() as u64 > limit {
        return Err(Error::ImageTooLarge { expected: limit, got: fs::metadata(path)?.len() });
    }
    let digest = Sha256::digest(&bytes).into();
    if digests.is_some_and(|digests| digests.has_changed(path, &digest)) {
        return Err(Error::ImageChanged);
    }
    Ok((bytes, digest))
}
