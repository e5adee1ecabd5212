//! Changes to one photograph.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::geometry::{Erased, Warp};
use super::jitter::Jitter;
use crate::{CropBox, Error, Preprocess};

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
