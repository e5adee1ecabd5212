//! Changes to one photograph.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::geometry::{Erased, Warp};
use crate::tensor::Square;
use crate::{CropBox, Error, Preprocess};

/// Weights of red, green and blue: ITU-R BT.601, as in Pillow's mode `L`.
const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Changes to one photograph, for example drawn by [`Augment::draw`](crate::Augment::draw).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The crop that is stretched to the square; without one, the recipe resizes the whole
    /// photograph.
    pub part: Option<CropBox>,
    /// Whether it is mirrored horizontally.
    pub mirrored: bool,
    /// Factor of the brightness; 1 for no change.
    pub brightness: f32,
    /// Factor of the difference to the mean grey; 1 for no change.
    pub contrast: f32,
    /// Factor of the difference to the pixel's own grey; 1 for no change.
    pub saturation: f32,
    /// Rotation, shear and shift of the square, applied before mirroring.
    #[serde(default)]
    pub warp: Option<Warp>,
    /// The rectangle that is erased, as the last step.
    #[serde(default)]
    pub erased: Option<Erased>,
}

impl Change {
    /// No change.
    pub const NONE: Self = Self {
        part: None,
        mirrored: false,
        brightness: 1.0,
        contrast: 1.0,
        saturation: 1.0,
        warp: None,
        erased: None,
    };

    /// Turns decoded pixels into the tensor of the changed image; see
    /// [`Augment::run_image`](crate::Augment::run_image).
    ///
    /// # Errors
    /// Those of [`Preprocess::run_image`]; [`Error::EmptyCrop`] or [`Error::CropOutside`] for an
    /// invalid crop.
    pub fn run_image(
        &self,
        image: &RgbImage,
        recipe: &Preprocess,
        tensor: &mut [f32],
    ) -> Result<(), Error> {
        recipe.check(tensor)?;
        recipe.fit(image, self.part, |square| match Jitter::new(self, square) {
            Some(jitter) => jitter.normalize(square, recipe, tensor),
            None => recipe.normalize(square, tensor),
        })?;
        let size = recipe.size() as usize;
        if let Some(warp) = &self.warp {
            warp.run(size, tensor);
        }
        if self.mirrored {
            tensor.chunks_exact_mut(size).for_each(<[f32]>::reverse);
        }
        if let Some(erased) = &self.erased {
            erased.run(size, tensor);
        }
        Ok(())
    }
}

/// Changes of brightness, contrast and saturation, prepared for one image.
///
/// Each is a blend, `factor * image + (1 - factor) * other`, clipped to black and white, as in Pillow's `ImageEnhance` and
/// torchvision's `ColorJitter`: with black, with the mean grey of the image, and with the grey of each pixel. Levels are not
/// rounded between the steps.
struct Jitter {
    /// Each level, from 0 to 1, after brightness and contrast, which are the same for all channels.
    levels: [f32; 256],
    saturation: f32,
}

impl Jitter {
    /// `None` if no colour is changed.
    fn new(change: &Change, square: &Square<'_>) -> Option<Self> {
        let Change { brightness, contrast, saturation, .. } = *change;
        if [brightness, contrast, saturation].into_iter().all(is_one) {
            return None;
        }
        let mut levels =
            std::array::from_fn(|level| (brightness * level as f32 / 255.0).clamp(0.0, 1.0));
        if !is_one(contrast) {
            let grey = mean_grey(square, &levels);
            levels = levels.map(|level| blend(level, grey, contrast));
        }
        Some(Self { levels, saturation })
    }

    /// Writes the changed and normalized colours.
    fn normalize(&self, square: &Square<'_>, recipe: &Preprocess, tensor: &mut [f32]) {
        // Multiplying is much faster than dividing, and the last bit does not matter here.
        let scales = recipe.standard_deviation.map(f32::recip);
        square.write(tensor, |pixel| {
            let colour = pixel.map(|level| self.levels[usize::from(level)]);
            let grey = luma(colour);
            std::array::from_fn(|channel| {
                let level = blend(colour[channel], grey, self.saturation);
                (level - recipe.mean[channel]) * scales[channel]
            })
        });
    }
}

#[expect(clippy::float_cmp, reason = "only a factor of exactly 1 changes nothing")]
fn is_one(factor: f32) -> bool {
    factor == 1.0
}

/// Blends `other` (at a factor of 0) and `level` (at 1), clipped to black and white.
fn blend(level: f32, other: f32, factor: f32) -> f32 {
    (factor * level + (1.0 - factor) * other).clamp(0.0, 1.0)
}

fn luma([red, green, blue]: [f32; 3]) -> f32 {
    LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
}

/// Mean grey of the pixels after mapping their levels by the table.
fn mean_grey(square: &Square<'_>, levels: &[f32; 256]) -> f32 {
    let (mut sum, mut pixels) = (0.0, 0);
    // Row by row, so that small sums lose no precision.
    for row in square.rows() {
        let mut row_sum = [0.0_f32; 3];
        for pixel in row {
            for (sum, level) in row_sum.iter_mut().zip(pixel) {
                *sum += levels[usize::from(*level)];
            }
        }
        sum += f64::from(luma(row_sum));
        pixels += row.len();
    }
    (sum / pixels.max(1) as f64) as f32
}
