//! Fingerprints of images.

use std::sync::LazyLock;

use image_hasher::{HashAlg, Hasher, HasherConfig};
use pet_image::{GrayImage, Limits, Preprocess, Resize, RgbImage};
use sha2::{Digest, Sha256};

use super::area::{AREAS, Area};
use super::thumbnail::{Sums, Thumbnail};

/// Side of the image that is hashed.
const HASHED: usize = 16;

/// 64-bit perceptual hashes: which of the lowest frequencies are above their median (Zauner 2010).
static HASHER: LazyLock<Hasher<[u8; 8]>> = LazyLock::new(|| {
    HasherConfig::with_bytes_type::<[u8; 8]>()
        .hash_alg(HashAlg::Median)
        .preproc_dct()
        .hash_size(8, 8)
        .to_hasher()
});

/// Standard deviation of the levels below which an image is too uniform to be compared.
const FLAT: f32 = 4.0;

/// Identifies an image exactly, and recognizes it after scaling, cropping or recompression.
#[derive(Debug, Clone)]
pub struct Fingerprint {
    /// Equal for identical images.
    pub(super) digest: [u8; 32],
    pub(super) thumbnail: Thumbnail,
    /// Hashes of [`Area::all`].
    pub(super) hashes: [u64; AREAS],
    /// Hash of the mirrored image.
    pub(super) mirrored: u64,
    /// Whether it is too uniform to be compared.
    pub(super) flat: bool,
}

impl Fingerprint {
    /// The fingerprint of an image file, decoded at a reduced size; files with the same bytes are identical.
    ///
    /// # Errors
    ///
    /// As [`pet_image::decode`].
    pub fn of_file(bytes: &[u8], limits: &Limits) -> Result<Self, pet_image::Error> {
        let reduced = Preprocess { resize: Resize::Stretch { size: 64 }, ..Preprocess::imagenet() };
        let image = reduced.decode(bytes, limits)?.image;
        Self::of_pixels(&image, Sha256::digest(bytes).into())
    }

    pub(super) fn of_pixels(image: &RgbImage, digest: [u8; 32]) -> Result<Self, pet_image::Error> {
        let thumbnail = Thumbnail::of(image)?;
        let sums = thumbnail.sums();
        let mirrored = thumbnail.mirrored().sums();
        Ok(Self {
            digest,
            hashes: Area::all().map(|area| hash(&sums, area)),
            mirrored: hash(&mirrored, Area::WHOLE),
            flat: deviation(&sums.part(Area::WHOLE, HASHED)) < FLAT,
            thumbnail,
        })
    }
}

fn hash(sums: &Sums, area: Area) -> u64 {
    let levels = sums.part(area, HASHED).into_iter();
    let levels: Vec<u8> = levels.map(|level| level.round() as u8).collect();
    let image = GrayImage::from_raw(HASHED as u32, HASHED as u32, levels).unwrap_or_default();
    let hash = HASHER.hash_image(&image);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(hash.as_bytes());
    u64::from_le_bytes(bytes)
}

fn deviation(levels: &[f32]) -> f32 {
    let count = levels.len() as f32;
    let mean = levels.iter().sum::<f32>() / count;
    let squares: f32 = levels.iter().map(|level| (level - mean).powi(2)).sum();
    (squares / count).sqrt()
}
