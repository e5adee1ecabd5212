//! Cropping.

use std::fmt;

use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::limits::{check_output, check_pixels};

/// A rectangle in pixels; `left` and `top` are inclusive, `right` and `bottom` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CropBox {
    /// First column.
    pub left: u32,
    /// First row.
    pub top: u32,
    /// Column behind the last.
    pub right: u32,
    /// Row below the last.
    pub bottom: u32,
}

impl CropBox {
    /// The whole image.
    pub(crate) fn whole(image: &RgbImage) -> Self {
        Self { left: 0, top: 0, right: image.width(), bottom: image.height() }
    }

    /// Number of columns; 0 where `right` does not exceed `left`.
    pub const fn width(&self) -> u32 {
        self.right.saturating_sub(self.left)
    }

    /// Number of rows; 0 where `bottom` does not exceed `top`.
    pub const fn height(&self) -> u32 {
        self.bottom.saturating_sub(self.top)
    }

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

impl fmt::Display for CropBox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{},{},{}", self.left, self.top, self.right, self.bottom)
    }
}

/// Crops to a rectangle. Parts outside the image are black, as in Pillow.
///
/// # Errors
/// [`Error::EmptyCrop`] for a box without area, [`Error::OutputTooLarge`] for a huge one.
pub fn crop(image: &RgbImage, area: CropBox) -> Result<RgbImage, Error> {
    area.check_not_empty()?;
    window(image, area.left.into(), area.top.into(), area.width(), area.height())
}

/// Crops to the given size around the centre. Smaller images get black borders.
///
/// Offsets are rounded as in torchvision's `CenterCrop`: half pixels to even.
///
/// # Errors
/// [`Error::NoPixels`] for a size of zero, [`Error::OutputTooLarge`] for a huge one.
pub fn center_crop(image: &RgbImage, width: u32, height: u32) -> Result<RgbImage, Error> {
    let left = center_offset(image.width(), width);
    let top = center_offset(image.height(), height);
    window(image, left, top, width, height)
}

/// Offset of a centred `part` of `whole`; negative if the part is larger.
pub(crate) fn center_offset(whole: u32, part: u32) -> i64 {
    let surplus = i64::from(whole) - i64::from(part);
    if surplus < 0 {
        return -(-surplus / 2);
    }
    let half = surplus / 2;
    // As Python's `round(surplus / 2)`: 0.5 to 0, 1.5 to 2.
    if surplus % 2 == 1 { half + half % 2 } else { half }
}

/// Copies the overlap of the image and a window onto black.
fn window(
    image: &RgbImage,
    left: i64,
    top: i64,
    width: u32,
    height: u32,
) -> Result<RgbImage, Error> {
    check_output(width, height)?;
    let mut cut = RgbImage::new(width, height);
    let (from_column, to_column, columns) = overlap(left, width, image.width());
    let (from_row, to_row, rows) = overlap(top, height, image.height());
    if columns == 0 {
        return Ok(cut);
    }
    let source_rows = image.as_raw().chunks_exact(3 * image.width() as usize).skip(from_row);
    let target_rows = cut.chunks_exact_mut(3 * width as usize).skip(to_row);
    for (source, target) in source_rows.zip(target_rows).take(rows) {
        let source = &source[3 * from_column..][..3 * columns];
        target[3 * to_column..][..3 * columns].copy_from_slice(source);
    }
    Ok(cut)
}

/// The common part of an image and a window along one axis: its start in the image and in the window, and its length.
fn overlap(start: i64, length: u32, available: u32) -> (usize, usize, usize) {
    let first = start.max(0);
    let end = (start + i64::from(length)).min(i64::from(available));
    (first as usize, (first - start) as usize, (end - first).max(0) as usize)
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
        // int(round((whole - 4) / 2.0)) in Python 3, and -((4 - whole) // 2) for the padding.
        let offsets: Vec<i64> = (1..=9).map(|whole| center_offset(whole, 4)).collect();
        assert_eq!(offsets, [-1, -1, 0, 0, 0, 1, 2, 2, 2]);
    }

    #[test]
    fn center_crop_pads_a_small_image() {
        let cut = center_crop(&numbered(2, 6), 4, 4).unwrap();
        assert_eq!(cut[(0, 0)].0, [0; 3]);
        assert_eq!(cut[(1, 0)].0, [0, 1, 200]);
        assert_eq!(cut[(2, 3)].0, [1, 4, 200]);
        assert_eq!(cut[(3, 3)].0, [0; 3]);
    }
}
