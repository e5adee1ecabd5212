//! Running a recipe: decode, resize to the square, normalize.
//!
//! The steps are separate, so that random changes can happen between them.

use image::RgbImage;

use crate::crop::center_offset;
use crate::decode::{cost_reduced, decode_reduced};
use crate::resize::resize_and;
use crate::{Cost, CropBox, Decoded, Error, Filter, Limits, Preprocess};

/// A JPEG is reduced while decoding only if each side remains at least this many times the resized one.
const REDUCING_GAP: u32 = 2;

impl Preprocess {
    /// Turns an image file into a tensor, which is overwritten: three planes (red, green, blue) of
    /// `size` rows of `size` numbers.
    ///
    /// On an error the content of `tensor` is unspecified.
    ///
    /// # Errors
    /// Those of [`decode`](crate::decode()), [`Error::Recipe`] for an invalid recipe,
    /// [`Error::TensorLength`] if `tensor` is not [`tensor_len`](Self::tensor_len) long, and
    /// [`Error::OutputTooLarge`] for an image so long and thin that resizing its shorter side would make
    /// it huge.
    pub fn run(&self, bytes: &[u8], limits: &Limits, tensor: &mut [f32]) -> Result<(), Error> {
        self.check(tensor)?;
        self.run_image(&self.decode(bytes, limits)?.image, tensor)
    }

    /// Decodes an image file as [`decode`](crate::decode()) does, but no larger than the recipe needs: a JPEG is reduced to
    /// a half, a quarter or an eighth while it is decoded, as long as each side remains at least twice as long as after
    /// resizing. This is what Pillow's `draft` and a reducing gap of 2 do; for large photographs it takes less than half of
    /// the time and less memory.
    ///
    /// # Errors
    /// Those of [`decode`](crate::decode()), and [`Error::Recipe`] for an invalid recipe.
    pub fn decode(&self, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
        self.validate()?;
        decode_reduced(bytes, limits, |width, height| self.reduction(width, height))
    }

    /// Estimates the cost of [`decode`](Self::decode); see [`cost`](crate::cost()).
    pub fn cost(&self, bytes: &[u8], limits: &Limits) -> Cost {
        cost_reduced(bytes, limits, |width, height| self.reduction(width, height))
    }

    /// The divisor of the sides of a JPEG while it is decoded.
    fn reduction(&self, width: u32, height: u32) -> u32 {
        let (needed_width, needed_height) = self.resized(width, height);
        let leaves_enough = |part: &u32| {
            width.div_ceil(*part) >= needed_width.saturating_mul(REDUCING_GAP)
                && height.div_ceil(*part) >= needed_height.saturating_mul(REDUCING_GAP)
        };
        [8, 4, 2].into_iter().find(leaves_enough).unwrap_or(1)
    }

    /// Turns decoded pixels into a tensor; see [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run), except those of decoding.
    pub fn run_image(&self, image: &RgbImage, tensor: &mut [f32]) -> Result<(), Error> {
        self.check(tensor)?;
        self.fit(image, None, |square| self.normalize(square, tensor))
    }

    /// Resizes a part of an image to the square, or all of it by the recipe, and passes the square to
    /// `consume`.
    pub(crate) fn fit(
        &self,
        image: &RgbImage,
        part: Option<CropBox>,
        consume: impl FnOnce(&Square<'_>),
    ) -> Result<(), Error> {
        let size = self.size();
        let (part, (width, height)) = match part {
            Some(part) => (part, (size, size)),
            None => (CropBox::whole(image), self.resized(image.width(), image.height())),
        };
        resize_and(image, part, width, height, Filter::Bilinear, |levels| {
            consume(&Square::centered(levels, width, height, size));
        })
    }

    /// Normalizes the levels, in torchvision's order of operations, so that results are bit-identical.
    pub(crate) fn normalize(&self, square: &Square<'_>, tensor: &mut [f32]) {
        let [red, green, blue]: [[f32; 256]; 3] = std::array::from_fn(|channel| {
            let (mean, deviation) = (self.mean[channel], self.standard_deviation[channel]);
            std::array::from_fn(|level| (level as f32 / 255.0 - mean) / deviation)
        });
        square.write(tensor, |[r, g, b]| {
            [red[usize::from(r)], green[usize::from(g)], blue[usize::from(b)]]
        });
    }

    pub(crate) fn check(&self, tensor: &[f32]) -> Result<(), Error> {
        self.validate()?;
        let (expected, got) = (self.tensor_len(), tensor.len());
        if got == expected { Ok(()) } else { Err(Error::TensorLength { expected, got }) }
    }
}

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
    fn centered(levels: &'a [u8], width: u32, height: u32, size: u32) -> Self {
        Self {
            levels,
            width: width as usize,
            left: center_offset(width, size) as usize,
            top: center_offset(height, size) as usize,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Resize;

    #[test]
    fn channels_come_in_planes() {
        let recipe = Preprocess {
            resize: Resize::Stretch { size: 2 },
            mean: [0.0, 0.5, 0.0],
            standard_deviation: [1.0, 1.0, 0.5],
            ..Preprocess::imagenet()
        };
        let image = RgbImage::from_raw(2, 2, vec![255, 0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0]);
        let mut tensor = vec![f32::NAN; 12];
        recipe.run_image(&image.unwrap(), &mut tensor).unwrap();
        let expected = vec![1.0, 0.0, 0.0, 0.0, -0.5, 0.5, -0.5, -0.5, 0.0, 0.0, 2.0, 0.0];
        assert_eq!(tensor, expected);
    }

    #[test]
    fn a_tensor_of_another_length_is_refused() {
        let mut tensor = vec![0.0; 100];
        let error = Preprocess::imagenet().run_image(&RgbImage::new(4, 4), &mut tensor);
        assert!(matches!(error, Err(Error::TensorLength { expected: 150_528, got: 100 })));
    }

    #[test]
    fn a_hair_is_not_blown_up() {
        let resize = Resize::CenterCrop { resize: 256, size: 224 };
        let recipe = Preprocess { resize, ..Preprocess::imagenet() };
        let mut tensor = vec![0.0; recipe.tensor_len()];
        let error = recipe.run_image(&RgbImage::new(1, 16_384), &mut tensor);
        assert!(matches!(error, Err(Error::OutputTooLarge { width: 256, .. })));
    }
}
