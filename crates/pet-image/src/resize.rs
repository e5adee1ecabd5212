//! Resizing with antialiasing.

use std::cell::RefCell;

use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::error::Cause;
use crate::limits::{check_output, check_pixels};
use crate::{CropBox, Error};

/// The kernel of a [`resize`]. For downscaling it is widened to cover all source pixels (antialiasing),
/// as in Pillow and in torchvision with `antialias=True`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Filter {
    /// Triangle kernel of radius 1; used for models.
    Bilinear,
    /// Windowed sinc of radius 3: sharper, for viewing.
    Lanczos,
}

/// Resizes an image to the given size, without keeping its aspect ratio.
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
        scratch.stretcher.run(image, CropBox::whole(image), &mut resized, width, height, filter)
    })?;
    Ok(resized)
}

/// Resizes a part of an image, as if it were cropped first, into a buffer that this thread reuses, and
/// passes the pixels (interleaved RGB) to `consume`.
pub(crate) fn resize_and(
    image: &RgbImage,
    part: CropBox,
    width: u32,
    height: u32,
    filter: Filter,
    consume: impl FnOnce(&[u8]),
) -> Result<(), Error> {
    check_output(width, height)?;
    SCRATCH.with_borrow_mut(|Scratch { stretcher, levels }| {
        levels.resize(3 * width as usize * height as usize, 0);
        stretcher.run(image, part, levels, width, height, filter)?;
        consume(levels);
        Ok(())
    })
}

/// A larger buffer is freed after use, so that one huge image does not keep its memory.
const KEPT_BYTES: usize = 16 << 20;

thread_local! {
    /// Reused between images: allocating for each costs as much as resizing it.
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
    /// Resizes a part of an image to the levels of `target`.
    ///
    /// The order of the passes is Pillow's. The library's own is the other one, which rounds
    /// differently between the passes.
    fn run(
        &mut self,
        image: &RgbImage,
        part: CropBox,
        target: &mut [u8],
        width: u32,
        height: u32,
        filter: Filter,
    ) -> Result<(), Error> {
        part.check_within(image)?;
        let options = filter.options();
        let whole = CropBox { left: 0, top: 0, right: width, bottom: part.height() };
        let Self { resizer, narrowed } = self;
        narrowed.resize(3 * width as usize * whole.height() as usize, 0);
        let mut passes = || -> Result<(), Cause> {
            let source = view(image.width(), image.height(), image.as_raw(), part)?;
            let mut between = TypedImage::from_buffer(width, whole.height(), narrowed)?;
            resizer.resize_typed(&source, &mut between, &options)?;
            let source = view(width, whole.height(), narrowed, whole)?;
            let mut target = TypedImage::from_buffer(width, height, target)?;
            Ok(resizer.resize_typed(&source, &mut target, &options)?)
        };
        passes().map_err(|source| Error::Resize { width, height, source })?;
        if narrowed.capacity() > KEPT_BYTES {
            *narrowed = Vec::new();
        }
        Ok(())
    }
}

impl Filter {
    fn options(self) -> ResizeOptions {
        let kernel = match self {
            Self::Bilinear => FilterType::Bilinear,
            Self::Lanczos => FilterType::Lanczos3,
        };
        ResizeOptions::new().resize_alg(ResizeAlg::Convolution(kernel))
    }
}

/// The library's view of a part of an image, whose neighbouring pixels must not bleed in.
///
/// One type for both passes and one pixel type: the library is generic over both, and instantiating it for
/// all pixel types takes minutes to compile.
type View<'a> = TypedCroppedImage<'a, TypedImageRef<'a, U8x3>>;

fn view(width: u32, height: u32, levels: &[u8], part: CropBox) -> Result<View<'_>, Cause> {
    let whole = TypedImageRef::from_buffer(width, height, levels)?;
    let CropBox { left, top, .. } = part;
    Ok(View::new(whole, left, top, part.width(), part.height())?)
}

/// Size of an image resized so that its shorter side has the given length, as torchvision's
/// `Resize(shorter)`, which rounds the longer side down.
pub(crate) fn by_shorter_side(width: u32, height: u32, shorter: u32) -> (u32, u32) {
    let (short, long) = (width.min(height).max(1), width.max(height));
    let stretched = u64::from(shorter) * u64::from(long) / u64::from(short);
    let stretched = u32::try_from(stretched).unwrap_or(u32::MAX);
    if width <= height { (shorter, stretched) } else { (stretched, shorter) }
}

/// Scales a photograph down, with antialiasing, so that its shorter side has `shorter_side` pixels; a smaller
/// one is returned unchanged.
///
/// For caching decoded photographs over many epochs of [`Augment`](crate::Augment): a pixel takes 3 bytes, so
/// a photograph of aspect ratio 4:3 takes 0.26 MB at a shorter side of 256 pixels, 0.41 MB at 320, and 0.56 MB
/// in the 500x375 pixels that are usual in data sets.
///
/// The cost is sharpness in small crops. A crop of the share `s` of the area has a shorter side of about
/// `shorter_side * sqrt(s)` pixels: at 256 pixels, every crop below `(224 / 256)² = 77 %` of the area is
/// upscaled to a model's 224 pixels, at 375 pixels only those below 36 %. Photographs at serving are not
/// upscaled, which is a reason to keep them as large as memory allows.
///
/// # Errors
/// [`Error::NoPixels`] for a photograph without pixels or a `shorter_side` of zero.
pub fn shrink(image: RgbImage, shorter_side: u32) -> Result<RgbImage, Error> {
    let (width, height) = image.dimensions();
    check_pixels(width, height)?;
    if width.min(height) <= shorter_side {
        return Ok(image);
    }
    let (width, height) = by_shorter_side(width, height, shorter_side);
    resize(&image, width, height, Filter::Bilinear)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_larger_photographs_are_shrunk() {
        let size = |width, height| {
            let image = shrink(RgbImage::new(width, height), 256).unwrap();
            image.dimensions()
        };
        assert_eq!(size(500, 375), (341, 256));
        assert_eq!(size(300, 900), (256, 768));
        assert_eq!(size(256, 9000), (256, 9000));
        assert_eq!(size(20, 30), (20, 30));
    }

    #[test]
    fn nothing_cannot_be_shrunk() {
        for (image, side) in [(RgbImage::new(0, 4), 256), (RgbImage::new(4, 4), 0)] {
            assert!(matches!(shrink(image, side), Err(Error::NoPixels { .. })));
        }
    }

    #[test]
    fn the_shorter_side_gets_the_length() {
        // torchvision: int(256 * 500 / 375) = 341.
        assert_eq!(by_shorter_side(500, 375, 256), (341, 256));
        assert_eq!(by_shorter_side(375, 500, 256), (256, 341));
        assert_eq!(by_shorter_side(80, 80, 256), (256, 256));
    }

    #[test]
    fn a_part_is_resized_as_if_it_were_cut_out_first() {
        let image = RgbImage::from_fn(40, 30, |x, y| [(x * y) as u8, x as u8, 7].into());
        let part = CropBox { left: 3, top: 5, right: 31, bottom: 26 };
        let cut = crate::crop(&image, part).unwrap();
        let expected = resize(&cut, 11, 13, Filter::Bilinear).unwrap();
        resize_and(&image, part, 11, 13, Filter::Bilinear, |levels| {
            assert_eq!(levels, expected.as_raw().as_slice());
        })
        .unwrap();
    }

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
        assert!(small.as_raw().iter().all(|level| (126..=129).contains(level)));
    }

    #[test]
    fn impossible_sizes_are_refused() {
        let image = RgbImage::new(4, 4);
        assert!(matches!(resize(&image, 0, 4, Filter::Bilinear), Err(Error::NoPixels { .. })));
        let huge = resize(&image, 40_000, 40_000, Filter::Lanczos);
        assert!(matches!(huge, Err(Error::OutputTooLarge { width: 40_000, .. })));
        let nothing = resize(&RgbImage::new(0, 0), 4, 4, Filter::Bilinear);
        assert!(matches!(nothing, Err(Error::NoPixels { width: 0, .. })));
    }
}
