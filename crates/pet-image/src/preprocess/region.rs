//! The region of an image that a recipe uses.

use super::{Preprocess, Resize};
use crate::crop::center_offset;
use crate::resize::by_shorter_side;

/// A rectangle in an image, in fractional pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Preprocess {
    /// The region of an image of `width` times `height` pixels that becomes the tensor: all of it if the
    /// recipe stretches, a centred square if it crops.
    ///
    /// ```
    /// use pet_image::{Preprocess, Resize};
    ///
    /// let recipe = Preprocess {
    ///     resize: Resize::CenterCrop { resize: 256, size: 224 },
    ///     ..Preprocess::imagenet()
    /// };
    /// let region = recipe.region(1024, 512);
    /// assert_eq!((region.left, region.top), (288.0, 32.0));
    /// assert_eq!((region.width, region.height), (448.0, 448.0));
    /// ```
    pub fn region(&self, width: u32, height: u32) -> Region {
        let whole = |extent: u32| extent as f32;
        let Resize::CenterCrop { resize, size } = self.resize else {
            return Region { left: 0.0, top: 0.0, width: whole(width), height: whole(height) };
        };
        let resized = by_shorter_side(width, height, resize);
        let scales =
            [whole(width) / whole(resized.0.max(1)), whole(height) / whole(resized.1.max(1))];
        let start = |resized: u32| center_offset(resized, size).max(0) as f32;
        Region {
            left: start(resized.0) * scales[0],
            top: start(resized.1) * scales[1],
            width: whole(size) * scales[0],
            height: whole(size) * scales[1],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretched_picture_is_used_whole() {
        let region = Preprocess::imagenet().region(500, 375);
        assert_eq!(
            (region.left, region.top, region.width, region.height),
            (0.0, 0.0, 500.0, 375.0)
        );
    }

    #[test]
    fn the_region_lies_within_the_picture() {
        let recipe = Preprocess {
            resize: Resize::CenterCrop { resize: 232, size: 224 },
            ..Preprocess::imagenet()
        };
        for (width, height) in [(1, 1), (33, 900), (500, 375), (375, 500), (4000, 17)] {
            let region = recipe.region(width, height);
            assert!(region.left >= 0.0 && region.top >= 0.0, "{region:?}");
            assert!(region.left + region.width <= width as f32 * 1.000_1, "{region:?}");
            assert!(region.top + region.height <= height as f32 * 1.000_1, "{region:?}");
        }
    }
}
