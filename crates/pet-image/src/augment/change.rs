//! One set of changes, drawn or chosen.

use image::RgbImage;
use serde::{Deserialize, Serialize};

use super::jitter::Jitter;
use super::place::{Erased, Warp};
use crate::{CropBox, Error, Preprocess};

/// What is changed on one photograph: drawn by [`Augment::draw`](crate::Augment::draw), or chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// The part that is seen, stretched to the square with the recipe's filter as if it had been
    /// cut out first; without one, the whole photograph is fitted as the recipe says.
    pub part: Option<CropBox>,
    /// Whether left and right are exchanged.
    pub mirrored: bool,
    /// Factor of the brightness; 1 leaves it.
    pub brightness: f32,
    /// Factor of the distance to the mean grey; 1 leaves the contrast.
    pub contrast: f32,
    /// Factor of the distance to the pixel's own grey; 1 leaves the saturation.
    pub saturation: f32,
    /// How the square is turned, sheared or shifted, before it is mirrored.
    #[serde(default)]
    pub warp: Option<Warp>,
    /// What is hidden in the end.
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

    /// Turns decoded pixels into one image's tensor, changed; see
    /// [`Augment::run_image`](crate::Augment::run_image).
    ///
    /// # Errors
    /// Those of [`Preprocess::run_image`], [`Error::EmptyCrop`] or [`Error::CropOutside`] for a
    /// part that is not one of this photograph's.
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
