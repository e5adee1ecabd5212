//! Fingerprints of images: perceptual hashes of the image and of its areas, and a thumbnail to align images with.

use std::sync::LazyLock;

use image_hasher::{HashAlg, Hasher, HasherConfig};
use pet_image::{Filter, GrayImage, Limits, Preprocess, Resize, RgbImage, grayscale, resize};
use sha2::{Digest, Sha256};

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

/// Width and height of a thumbnail, for any aspect ratio.
const SIDE: usize = 64;

/// A grayscale image of 64 × 64 pixels.
#[derive(Clone, Debug)]
pub(super) struct Thumbnail(Box<[u8]>);

impl Thumbnail {
    pub(super) fn of(image: &RgbImage) -> Result<Self, pet_image::Error> {
        let small = resize(image, SIDE as u32, SIDE as u32, Filter::Bilinear)?;
        Ok(Self(grayscale(&small).into_raw().into()))
    }

    pub(super) fn mirrored(&self) -> Self {
        let mut levels = self.0.clone();
        levels.chunks_exact_mut(SIDE).for_each(<[u8]>::reverse);
        Self(levels)
    }

    pub(super) fn sums(&self) -> Sums {
        let width = SIDE + 1;
        let mut sums = vec![0; width * width];
        for (y, row) in self.0.chunks_exact(SIDE).enumerate() {
            let mut along = 0;
            for (x, level) in row.iter().enumerate() {
                along += u32::from(*level);
                sums[(y + 1) * width + x + 1] = sums[y * width + x + 1] + along;
            }
        }
        Sums(sums)
    }
}

/// A summed-area table (Crow 1984): the mean of any rectangle takes four reads.
pub(super) struct Sums(Vec<u32>);

impl Sums {
    /// An area, resampled to `side` × `side` means.
    pub(super) fn part(&self, area: Area, side: usize) -> Vec<f32> {
        let edges = |from: f32, to: f32| -> Vec<Edge> {
            let share = |index: usize| from + (to - from) * index as f32 / side as f32;
            (0..=side).map(|index| Edge::at(share(index))).collect()
        };
        let columns = edges(area.left, area.right);
        let rows = edges(area.top, area.bottom);
        let cell = (area.right - area.left) * (area.bottom - area.top);
        let pixels = cell * (SIDE * SIDE) as f32 / (side * side) as f32;
        let sums: Vec<f32> = rows
            .iter()
            .flat_map(|row| columns.iter().map(|column| self.until(*column, *row)))
            .collect();
        let (above, below) = (sums.as_slice(), sums.get(side + 1..).unwrap_or_default());
        let mut means = Vec::with_capacity(side * side);
        let lines = above.chunks_exact(side + 1).zip(below.chunks_exact(side + 1));
        for (above, below) in lines {
            for (above, below) in above.windows(2).zip(below.windows(2)) {
                means.push((below[1] - below[0] - above[1] + above[0]) / pixels);
            }
        }
        means
    }

    /// The sum above and to the left of a point, which may be within a pixel.
    fn until(&self, x: Edge, y: Edge) -> f32 {
        let row = |y: usize| {
            let at = y * (SIDE + 1) + x.pixel;
            let (left, right) = (self.0[at] as f32, self.0[at + 1] as f32);
            left + x.share * (right - left)
        };
        let (above, below) = (row(y.pixel), row(y.pixel + 1));
        above + y.share * (below - above)
    }
}

/// A position along one side: a pixel, and a fraction of it.
#[derive(Clone, Copy)]
struct Edge {
    pixel: usize,
    share: f32,
}

impl Edge {
    fn at(share: f32) -> Self {
        let place = share.clamp(0.0, 1.0) * SIDE as f32;
        let pixel = (place as usize).min(SIDE - 1);
        let share = place - pixel as f32;
        Self { pixel, share }
    }
}

/// A rectangle in fractions of an image's width and height.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    left: f32,
    top: f32,
    right: f32,
    bottom: f32,
}

/// Number of areas that are hashed for each image.
pub(super) const AREAS: usize = 28;

/// Sides of the areas besides the whole.
const SIDES: [f32; 3] = [0.9, 0.8, 0.7];

/// The smallest side of a crop that still counts as the same image.
const MIN_SIDE: f32 = 0.5;

impl Area {
    pub(super) const WHOLE: Self = Self { left: 0.0, top: 0.0, right: 1.0, bottom: 1.0 };

    /// The whole, then nine positions for each of three sizes: any crop of at least 65 % of the sides differs from one
    /// of them by at most a twentieth of the sides.
    pub(super) fn all() -> [Self; AREAS] {
        let mut areas = [Self::WHOLE; AREAS];
        for (index, area) in areas.iter_mut().enumerate().skip(1) {
            let (side, position) = (SIDES[(index - 1) / 9], (index - 1) % 9);
            let free = (1.0 - side) / 2.0;
            let (left, top) = ((position % 3) as f32 * free, (position / 3) as f32 * free);
            *area = Self { left, top, right: left + side, bottom: top + side };
        }
        areas
    }

    /// Areas at distance `step`: with one edge moved, shifted, enlarged or shrunk.
    pub(super) fn around(self, step: f32) -> impl Iterator<Item = Self> {
        const MOVES: [[f32; 4]; 14] = [
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 1.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.0],
            [0.0, 0.0, 0.0, 1.0],
            [-1.0, 0.0, 0.0, 0.0],
            [0.0, -1.0, 0.0, 0.0],
            [0.0, 0.0, -1.0, 0.0],
            [0.0, 0.0, 0.0, -1.0],
            [1.0, 0.0, 1.0, 0.0],
            [-1.0, 0.0, -1.0, 0.0],
            [0.0, 1.0, 0.0, 1.0],
            [0.0, -1.0, 0.0, -1.0],
            [1.0, 1.0, -1.0, -1.0],
            [-1.0, -1.0, 1.0, 1.0],
        ];
        MOVES.into_iter().filter_map(move |[left, top, right, bottom]| {
            let moved = Self {
                left: (self.left + step * left).max(0.0),
                top: (self.top + step * top).max(0.0),
                right: (self.right + step * right).min(1.0),
                bottom: (self.bottom + step * bottom).min(1.0),
            };
            let large =
                moved.right - moved.left >= MIN_SIDE && moved.bottom - moved.top >= MIN_SIDE;
            (large && moved != self).then_some(moved)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slope() -> Thumbnail {
        let levels = (0..SIDE * SIDE).map(|index| (2 * (index % SIDE)) as u8);
        Thumbnail(levels.collect())
    }

    #[test]
    fn a_part_has_the_means_of_its_cells() {
        let right = Area { left: 0.5, ..Area::WHOLE };
        let means = slope().sums().part(right, 2);
        // Columns 32 to 47 and 48 to 63, each with twice its number as its level.
        for (got, expected) in means.iter().zip([79.0, 111.0, 79.0, 111.0]) {
            assert!((got - expected).abs() < 0.01, "{means:?}");
        }
    }

    #[test]
    fn within_a_pixel_the_level_is_even() {
        let thin = Area { left: 10.25 / 64.0, right: 10.75 / 64.0, ..Area::WHOLE };
        let means = slope().sums().part(thin, 1);
        assert!((means[0] - 20.0).abs() < 0.1, "{means:?}");
    }

    #[test]
    fn mirrored_twice_is_the_same() {
        let mirrored = slope().mirrored();
        assert_eq!(mirrored.0[0], 126);
        assert_eq!(mirrored.mirrored().0, slope().0);
    }
}
