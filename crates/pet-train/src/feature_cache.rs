//! A cache of features on disk, keyed by the content of the images.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use fs_err as fs;
use pet_image::Preprocess;
use safetensors::{Dtype, SafeTensorError, SafeTensors};
use sha2::{Digest, Sha256};

use crate::Error;
use crate::network::Backbone;
use crate::tensor_file::{self, CHECKSUM, checksum, from_le_bytes, le_bytes};

/// Part of the key; increased when the arithmetic changes.
const FORMAT: &str = "3";

const IMAGES: &str = "images";
const FEATURES_NAME: &str = "features";

/// Bytes of a digest.
const DIGEST_BYTES: usize = 32;
/// The largest file that is read, far more than the features of large data sets.
const MAX_BYTES: u64 = 4 << 30;

/// SHA-256 of an image file.
pub(crate) type ImageDigest = [u8; DIGEST_BYTES];

/// Features of images for one backbone and preprocessing.
#[derive(Debug)]
pub struct FeatureCache {
    path: PathBuf,
    length: usize,
    entries: HashMap<ImageDigest, Vec<f32>>,
    changed: bool,
}

impl FeatureCache {
    /// Opens the cache in `folder` for features of `backbone`, whose weights have this digest, of images preprocessed by
    /// `recipe`, mirrored or not. It is empty if the file does not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if it cannot be read, [`Error::CorruptCache`] if it is damaged.
    pub fn open(
        folder: &Path,
        weights_digest: &str,
        backbone: &Backbone,
        recipe: &Preprocess,
        mirrored: bool,
    ) -> Result<Self, Error> {
        let length = backbone.output_values(recipe.size() as usize);
        let blocks = backbone.blocks();
        let recipe = serde_json::to_string(recipe).map_err(Error::Json)?;
        let key = format!("{FORMAT}\n{weights_digest}\n{blocks}\n{recipe}\n{mirrored}");
        let key = Sha256::digest(key);
        let name: String = format!("{key:x}").chars().take(24).collect();
        let path = folder.join(format!("{name}.safetensors"));
        let entries = if path.exists() { read(&path, length)? } else { HashMap::new() };
        Ok(Self { path, length, entries, changed: false })
    }

    /// The features of an image.
    pub(crate) fn get(&self, image: &ImageDigest) -> Option<&[f32]> {
        self.entries.get(image).map(Vec::as_slice)
    }

    /// Adds features in memory, to be written by [`save`](Self::save).
    pub(crate) fn insert(&mut self, image: ImageDigest, features: Vec<f32>) {
        self.changed |= self.entries.insert(image, features).is_none();
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the cache is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Writes the cache atomically if anything was added.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; the old one is then unchanged.
    pub fn save(&mut self) -> Result<(), Error> {
        if !self.changed {
            return Ok(());
        }
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_by_key(|(image, _)| **image);
        let mut images = Vec::with_capacity(entries.len() * DIGEST_BYTES);
        let mut features = Vec::with_capacity(entries.len() * self.length * 4);
        for (image, values) in &entries {
            images.extend_from_slice(*image);
            features.extend(le_bytes(values));
        }
        let count = entries.len();
        let tensors = [
            (IMAGES, Dtype::U8, vec![count, DIGEST_BYTES], images.as_slice()),
            (FEATURES_NAME, Dtype::F32, vec![count, self.length], features.as_slice()),
        ];
        let checksum = HashMap::from([(CHECKSUM.to_owned(), checksum([&*images, &features]))]);
        let bytes = tensor_file::encode(tensors, Some(checksum))?;
        pet_model::write_atomically(&self.path, &bytes)?;
        self.changed = false;
        Ok(())
    }
}

fn read(path: &Path, length: usize) -> Result<HashMap<ImageDigest, Vec<f32>>, Error> {
    let corrupt =
        |reason: &str| Error::CorruptCache { path: path.to_owned(), reason: reason.into() };
    let invalid = |error: SafeTensorError| corrupt(&error.to_string());
    if fs::metadata(path)?.len() > MAX_BYTES {
        return Err(corrupt("it is larger than any valid cache"));
    }
    let bytes = fs::read(path)?;
    let file = SafeTensors::deserialize(&bytes).map_err(invalid)?;
    let images = file.tensor(IMAGES).map_err(invalid)?;
    let features = file.tensor(FEATURES_NAME).map_err(invalid)?;
    let count = images.shape().first().copied().unwrap_or(0);
    if images.shape() != [count, DIGEST_BYTES] || features.shape() != [count, length] {
        return Err(corrupt("its tensors have different shapes"));
    }
    let metadata = tensor_file::metadata(&bytes).map_err(invalid)?;
    if metadata.get(CHECKSUM) != Some(&checksum([images.data(), features.data()])) {
        return Err(corrupt("its checksum does not match its contents"));
    }
    let (images, _) = images.data().as_chunks::<DIGEST_BYTES>();
    let features = features.data().chunks_exact(length * 4).map(from_le_bytes);
    Ok(images.iter().copied().zip(features).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Weights;
    use crate::architecture::FEATURES;

    fn open(folder: &Path, weights: &str, mirrored: bool) -> FeatureCache {
        let backbone = Backbone::new(&Weights::random(1).unwrap()).unwrap();
        let recipe = Preprocess::imagenet();
        FeatureCache::open(folder, weights, &backbone, &recipe, mirrored).unwrap()
    }

    fn filled(folder: &Path) -> FeatureCache {
        let mut cache = open(folder, "weights", false);
        cache.insert([7; 32], vec![0.5; FEATURES]);
        cache.insert([3; 32], (0..FEATURES).map(|i| i as f32).collect());
        cache
    }

    #[test]
    fn what_was_saved_is_found_again_under_the_same_key_only() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).save().unwrap();
        let again = open(folder.path(), "weights", false);
        assert_eq!(again.len(), 2);
        assert_eq!(again.get(&[7; 32]).unwrap(), vec![0.5; FEATURES]);
        assert!(open(folder.path(), "others", false).is_empty());
        assert!(open(folder.path(), "weights", true).is_empty());
    }

    #[test]
    fn every_kind_of_damage_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = filled(folder.path());
        cache.save().unwrap();
        let whole = fs::read(&cache.path).unwrap();
        for cut in (0..whole.len()).step_by(997) {
            fs::write(&cache.path, &whole[..cut]).unwrap();
            assert!(
                matches!(read(&cache.path, FEATURES), Err(Error::CorruptCache { .. })),
                "cut at {cut}"
            );
        }
        let mut flipped = whole;
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&cache.path, &flipped).unwrap();
        let error = read(&cache.path, FEATURES).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
        assert!(error.hint().unwrap().contains("delete"));
    }
}
