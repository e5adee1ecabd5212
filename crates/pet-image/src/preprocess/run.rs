//! Running a recipe: decode, fit to the square, normalize.
//!
//! Each step takes what the one before made, so a step between them (random augmentation of the
//! decoded picture) has its place.

use image::RgbImage;

use super::{Preprocess, Resize};
use crate::{Error, Filter, Limits, crop::center_offset, decode, resize::resize_and};

impl Preprocess {
    /// Turns an image file into one image's tensor, which is overwritten: three planes (red,
    /// green, blue) of `size` rows of `size` numbers.
    ///
    /// On an error the content of `tensor` is unspecified.
    ///
    /// # Errors
    /// Those of [`decode`](crate::decode()), [`Error::Recipe`] for a recipe that makes no sense,
    /// [`Error::TensorLength`] if `tensor` is not [`tensor_len`](Self::tensor_len) long, and
    /// [`Error::OutputTooLarge`] for a picture so long and thin that a centre crop would blow it
    /// up beyond all measure.
    pub fn run(&self, bytes: &[u8], limits: &Limits, tensor: &mut [f32]) -> Result<(), Error> {
        self.check(tensor)?;
        self.run_image(&decode(bytes, limits)?.image, tensor)
    }

    /// Turns decoded pixels into one image's tensor; see [`run`](Self::run).
    ///
    /// # Errors
    /// As [`run`](Self::run), except those of decoding.
    pub fn run_image(&self, image: &RgbImage, tensor: &mut [f32]) -> Result<(), Error> {
        self.check(tensor)?;
        let (width, height) = self.resized(image.width(), image.height());
        resize_and(image, width, height, Filter::Bilinear, |levels| {
            self.normalize(levels, width, height, tensor);
        })
    }

    fn check(&self, tensor: &[f32]) -> Result<(), Error> {
        self.validate()?;
        let (expected, got) = (self.tensor_len(), tensor.len());
        if got == expected {
            Ok(())
        } else {
            Err(Error::TensorLength { expected, got })
        }
    }

    /// Size to which a picture is resized before the square is cut from its middle.
    fn resized(&self, width: u32, height: u32) -> (u32, u32) {
        match self.resize {
            Resize::Stretch { size } => (size, size),
            Resize::CenterCrop { resize, .. } => {
                let (short, long) = (width.min(height).max(1), width.max(height));
                let stretched = u64::from(resize) * u64::from(long) / u64::from(short);
                let stretched = u32::try_from(stretched).unwrap_or(u32::MAX);
                if width <= height {
                    (resize, stretched)
                } else {
                    (stretched, resize)
                }
            }
        }
    }

    /// Levels of the middle square to numbers, channel by channel.
    fn normalize(&self, levels: &[u8], width: u32, height: u32, tensor: &mut [f32]) {
        let size = self.size() as usize;
        let left = center_offset(width, self.size()).max(0) as usize;
        let top = center_offset(height, self.size()).max(0) as usize;
        let tables = self.tables();
        let (red, rest) = tensor.split_at_mut(size * size);
        let (green, blue) = rest.split_at_mut(size * size);
        let planes = red.chunks_exact_mut(size).zip(green.chunks_exact_mut(size));
        let planes = planes.zip(blue.chunks_exact_mut(size));
        let rows = levels.chunks_exact(3 * width as usize).skip(top);
        for (row, ((red, green), blue)) in rows.zip(planes) {
            let pixels = row.as_chunks().0.iter().skip(left);
            for (&[r, g, b], ((red, green), blue)) in
                pixels.zip(red.iter_mut().zip(green).zip(blue))
            {
                *red = tables[0][usize::from(r)];
                *green = tables[1][usize::from(g)];
                *blue = tables[2][usize::from(b)];
            }
        }
    }

    /// The number for each level of each channel. Divided and subtracted in the order in which
    /// torchvision does it, so that the numbers are the same to the last bit.
    fn tables(&self) -> [[f32; 256]; 3] {
        std::array::from_fn(|channel| {
            let (mean, deviation) = (self.mean[channel], self.standard_deviation[channel]);
            std::array::from_fn(|level| (level as f32 / 255.0 - mean) / deviation)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn center_crop(resize: u32, size: u32) -> Preprocess {
        Preprocess {
            resize: Resize::CenterCrop { resize, size },
            ..Preprocess::imagenet()
        }
    }

    #[test]
    fn the_shorter_side_gets_the_length_and_the_other_is_cut_off_below() {
        // torchvision: int(256 * 500 / 375) = 341.
        let recipe = center_crop(256, 224);
        assert_eq!(recipe.resized(500, 375), (341, 256));
        assert_eq!(recipe.resized(375, 500), (256, 341));
        assert_eq!(recipe.resized(80, 80), (256, 256));
    }

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
        let expected = vec![
            1.0, 0.0, 0.0, 0.0, -0.5, 0.5, -0.5, -0.5, 0.0, 0.0, 2.0, 0.0,
        ];
        assert_eq!(tensor, expected);
    }

    #[test]
    fn a_tensor_of_another_length_is_refused() {
        let mut tensor = vec![0.0; 100];
        let error = Preprocess::imagenet().run_image(&RgbImage::new(4, 4), &mut tensor);
        assert!(matches!(
            error,
            Err(Error::TensorLength {
                expected: 150_528,
                got: 100
            })
        ));
    }

    #[test]
    fn a_hair_is_not_blown_up() {
        let recipe = center_crop(256, 224);
        let mut tensor = vec![0.0; recipe.tensor_len()];
        let error = recipe.run_image(&RgbImage::new(1, 16_384), &mut tensor);
        assert!(matches!(
            error,
            Err(Error::OutputTooLarge { width: 256, .. })
        ));
    }
}
