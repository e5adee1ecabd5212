//! The square that the model sees, before its levels become numbers.

use crate::crop::center_offset;

/// A square of pixels in the middle of a larger picture.
pub(crate) struct Square<'a> {
    /// Interleaved red, green and blue.
    levels: &'a [u8],
    /// Width of the whole picture in pixels.
    width: usize,
    left: usize,
    top: usize,
    size: usize,
}

impl<'a> Square<'a> {
    /// Where torchvision's `CenterCrop(size)` cuts. The picture is no smaller than the square.
    pub(super) fn in_the_middle(levels: &'a [u8], width: u32, height: u32, size: u32) -> Self {
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

    /// Writes what `convert` makes of each pixel as three planes of rows.
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
