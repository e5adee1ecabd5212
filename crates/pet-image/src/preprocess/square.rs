//! The model's input before normalization.

use crate::crop::center_offset;

/// A centred square of an image.
pub(crate) struct Square<'a> {
    /// Interleaved red, green and blue.
    levels: &'a [u8],
    /// Width of the whole image in pixels.
    width: usize,
    left: usize,
    top: usize,
    size: usize,
}

impl<'a> Square<'a> {
    /// The square of torchvision's `CenterCrop(size)`; the image must not be smaller.
    pub(super) fn centered(levels: &'a [u8], width: u32, height: u32, size: u32) -> Self {
        Self {
            levels,
            width: width as usize,
            left: center_offset(width, size).max(0) as usize,
            top: center_offset(height, size).max(0) as usize,
            size: size as usize,
        }
    }

    /// The pixels, row by row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &'a [[u8; 3]]> {
        let rows = self.levels.chunks_exact(3 * self.width).skip(self.top);
        let (left, size) = (self.left, self.size);
        rows.take(size).map(move |row| {
            let pixels = row.as_chunks().0;
            &pixels[left..][..size]
        })
    }

    /// Converts each pixel and writes the results as three planes of rows.
    pub(crate) fn write(&self, tensor: &mut [f32], convert: impl Fn([u8; 3]) -> [f32; 3]) {
        let size = self.size;
        let (red, rest) = tensor.split_at_mut(size * size);
        let (green, blue) = rest.split_at_mut(size * size);
        let planes = red.chunks_exact_mut(size).zip(green.chunks_exact_mut(size));
        let planes = planes.zip(blue.chunks_exact_mut(size));
        for (row, ((red, green), blue)) in self.rows().zip(planes) {
            let numbers = red.iter_mut().zip(green).zip(blue);
            for (&pixel, ((red, green), blue)) in row.iter().zip(numbers) {
                [*red, *green, *blue] = convert(pixel);
            }
        }
    }
}
