//! Cropping.

use image::RgbImage;

use crate::Error;
use crate::crop_box::CropBox;
use crate::limits::{check_output, check_pixels};

impl CropBox {
    fn check_not_empty(self) -> Result<(), Error> {
        match (self.width(), self.height()) {
            (0, _) | (_, 0) => Err(Error::EmptyCrop { area: self }),
            _ => Ok(()),
        }
    }

    /// Checks that the box has pixels and is within the image.
    pub(crate) fn check_within(self, image: &RgbImage) -> Result<(), Error> {
        let (width, height) = image.dimensions();
        check_pixels(width, height)?;
        self.check_not_empty()?;
        if self.right > width || self.bottom > height {
            return Err(Error::CropOutside { area: self, width, height });
        }
        Ok(())
    }
}

/// Crops to a rectangle. Parts outside the image are black, as in Pillow.
///
/// # Errors
/// [`Error::EmptyCrop`] for a box without area, [`Error::OutputTooLarge`] for a huge one.
pub fn crop(image: &RgbImage, area: CropBox) -> Result<RgbImage, Error> {
    area.check_not_empty()?;
    check_output(area.width(), area.height())?;
    let mut cut = RgbImage::new(area.width(), area.height());
    let [left, right] = [area.left, area.right].map(|column| column.min(image.width()) as usize);
    let overlap = 3 * (right - left);
    if overlap == 0 {
        return Ok(cut);
    }
    let source_rows = image.chunks_exact(3 * image.width() as usize).skip(area.top as usize);
    let target_rows = cut.chunks_exact_mut(3 * area.width() as usize);
    for (source, target) in source_rows.zip(target_rows) {
        target[..overlap].copy_from_slice(&source[3 * left..][..overlap]);
    }
    Ok(cut)
}

/// Offset of a centred `part` of `whole`, rounded as in torchvision's `CenterCrop`; 0 if the part is larger.
pub(crate) fn center_offset(whole: u32, part: u32) -> u32 {
    let surplus = whole.saturating_sub(part);
    let half = surplus / 2;
    // As Python's `round(surplus / 2)`: 0.5 to 0, 1.5 to 2.
    if surplus % 2 == 1 { half + half % 2 } else { half }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| [x as u8, y as u8, 200].into())
    }

    #[test]
    fn outside_is_black() {
        let area = CropBox { left: 3, top: 1, right: 6, bottom: 4 };
        let cut = crop(&numbered(4, 3), area).unwrap();
        assert_eq!(cut.dimensions(), (3, 3));
        assert_eq!(cut[(0, 0)].0, [3, 1, 200]);
        assert_eq!(cut[(0, 1)].0, [3, 2, 200]);
        assert_eq!(cut[(1, 0)].0, [0; 3]);
        assert_eq!(cut[(0, 2)].0, [0; 3]);
    }

    #[test]
    fn a_box_far_outside_is_all_black() {
        let area =
            CropBox { left: u32::MAX - 2, top: u32::MAX - 2, right: u32::MAX, bottom: u32::MAX };
        let cut = crop(&numbered(4, 3), area).unwrap();
        assert!(cut.as_raw().iter().all(|&level| level == 0));
    }

    #[test]
    fn empty_and_huge_boxes_are_refused() {
        let empty = CropBox { left: 2, top: 0, right: 2, bottom: 4 };
        assert!(matches!(crop(&numbered(4, 3), empty), Err(Error::EmptyCrop { .. })));
        let huge = CropBox { left: 0, top: 0, right: u32::MAX, bottom: u32::MAX };
        assert!(matches!(crop(&numbered(4, 3), huge), Err(Error::OutputTooLarge { .. })));
    }

    #[test]
    fn half_pixels_go_to_even_as_in_torchvision() {
        // int(round((whole - 4) / 2.0)) in Python 3.
        let offsets: Vec<u32> = (1..=9).map(|whole| center_offset(whole, 4)).collect();
        assert_eq!(offsets, [0, 0, 0, 0, 0, 1, 2, 2, 2]);
    }
}
