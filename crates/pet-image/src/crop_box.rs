//! The rectangle of a crop.

use std::fmt;

use image::RgbImage;
use serde::{Deserialize, Serialize};

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
}

impl fmt::Display for CropBox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{},{},{},{}", self.left, self.top, self.right, self.bottom)
    }
}
