//! Resizing with antialiasing.

use std::cell::RefCell;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::{Error, error::Cause, output::check_output};

/// The kernel of a [`resize`]. When shrinking, it is widened to cover all source pixels
/// (antialiasing), as Pillow does and torchvision does with `antialias=True`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// Triangle kernel of radius 1: what models are trained with.
    Bilinear,
    /// Windowed sinc of radius 3: sharper, for people to look at.
    Lanczos,
}

/// Stretches an image to the given size, whatever its aspect ratio.
///
/// # Errors
/// [`Error::NoPixels`] for a size of zero, [`Error::OutputTooLarge`] for a huge one.
pub fn resize(
    image: &RgbImage,
    width: u32,
    height: u32,
    filter: Filter,
) -> Result<RgbImage, Error> {
    check_output(width, height)?;
    let mut resized = RgbImage::new(width, height);
    SCRATCH.with_borrow_mut(|scratch| {
        scratch
            .stretcher
            .run(image, width, height, filter, &mut resized)
    })?;
    Ok(resized)
}

/// Resizes into memory that this thread keeps, and hands the pixels (interleaved RGB) to `consume`.
pub(crate) fn resize_and<T>(
    image: &RgbImage,
    width: u32,
    height: u32,
    filter: Filter,
    consume: impl FnOnce(&[u8]) -> T,
) -> Result<T, Error> {
    check_output(width, height)?;
    SCRATCH.with_borrow_mut(|Scratch { stretcher, levels }| {
        levels.resize(3 * width as usize * height as usize, 0);
        stretcher.run(image, width, height, filter, levels)?;
        Ok(consume(levels))
    })
}

/// Memory above which a thread gives its scratch back after use, so that one huge image does not
/// stay resident.
const KEPT_BYTES: usize = 16 << 20;

thread_local! {
    /// Kept between images: allocating afresh for each costs as much as resizing it.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    stretcher: Stretcher,
    levels: Vec<u8>,
}

/// Resizes in two passes, first along the rows, then along the columns.
#[derive(Default)]
struct Stretcher {
    resizer: Resizer,
    narrowed: Vec<u8>,
}

impl Stretcher {
    /// The order of the passes is Pillow's. The library by itself would go the other way, which
    /// rounds differently between the passes.
    fn run(
        &mut self,
        image: &RgbImage,
        width: u32,
        height: u32,
        filter: Filter,
        target: &mut [u8],
    ) -> Result<(), Error> {
        let (source_width, source_height) = image.dimensions();
        if source_width == 0 || source_height == 0 {
            return Err(Error::NoPixels {
                width: source_width,
                height: source_height,
            });
        }
        self.passes(image, width, height, filter, target)
            .map_err(|source| Error::Resize {
                width,
                height,
                source,
            })?;
        if self.narrowed.capacity() > KEPT_BYTES {
            self.narrowed = Vec::new();
        }
        Ok(())
    }

    fn passes(
        &mut self,
        image: &RgbImage,
        width: u32,
        height: u32,
        filter: Filter,
        target: &mut [u8],
    ) -> Result<(), Cause> {
        let kernel = match filter {
            Filter::Bilinear => FilterType::Bilinear,
            Filter::Lanczos => FilterType::Lanczos3,
        };
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(kernel));
        let source_height = image.height();
        self.narrowed
            .resize(3 * width as usize * source_height as usize, 0);

        let source = ImageRef::new(
            image.width(),
            source_height,
            image.as_raw(),
            PixelType::U8x3,
        )?;
        let mut narrowed =
            Image::from_slice_u8(width, source_height, &mut self.narrowed, PixelType::U8x3)?;
        let mut target = Image::from_slice_u8(width, height, target, PixelType::U8x3)?;
        self.resizer.resize(&source, &mut narrowed, &options)?;
        self.resizer.resize(&narrowed, &mut target, &options)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_size_changes_nothing() {
        let image = RgbImage::from_fn(13, 7, |x, y| [x as u8 * 19, y as u8 * 31, 5].into());
        for filter in [Filter::Bilinear, Filter::Lanczos] {
            assert_eq!(resize(&image, 13, 7, filter).unwrap(), image);
        }
    }

    #[test]
    fn shrinking_averages_all_pixels() {
        // Without antialiasing, a checkerboard of single pixels would stay black and white.
        let image = RgbImage::from_fn(64, 64, |x, y| [255 * ((x + y) % 2) as u8; 3].into());
        let small = resize(&image, 8, 8, Filter::Bilinear).unwrap();
        assert!(
            small
                .as_raw()
                .iter()
                .all(|level| (126..=129).contains(level))
        );
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let image = RgbImage::new(4, 4);
        assert!(matches!(
            resize(&image, 0, 4, Filter::Bilinear),
            Err(Error::NoPixels { .. })
        ));
        let huge = resize(&image, 40_000, 40_000, Filter::Lanczos);
        assert!(matches!(
            huge,
            Err(Error::OutputTooLarge { width: 40_000, .. })
        ));
        let nothing = resize(&RgbImage::new(0, 0), 4, 4, Filter::Bilinear);
        assert!(matches!(nothing, Err(Error::NoPixels { width: 0, .. })));
    }
}
