//! Making photographs small enough to keep.

use image::RgbImage;

use crate::resize::by_shorter_side;
use crate::{Error, Filter, resize};

/// Scales a photograph down so that its shorter side has `shorter_side` pixels, with antialiasing;
/// one that is no larger is returned as it is.
///
/// Many epochs of [`Augment`](crate::Augment) over the same photographs need them decoded once if they
/// fit into memory: a pixel takes 3 bytes, so a photograph of the aspect ratio 4:3 takes 0.26 MB at a
/// shorter side of 256 pixels, 0.41 MB at 320, and 0.56 MB in the 500x375 pixels that are usual in
/// data sets.
///
/// What is lost is sharpness in small parts. A part of the share `s` of the area has a shorter side of
/// about `shorter_side * sqrt(s)` pixels: from a photograph kept at 256 pixels, every part below
/// `(224 / 256)² = 77 %` of the area is enlarged to a model's 224 pixels and a little blurred, from one kept at 375
/// pixels only those below 36 %. Served photographs are never enlarged so, which is a reason to keep them as large as
/// memory allows.
///
/// # Errors
/// [`Error::NoPixels`] for a photograph without pixels or a `shorter_side` of zero.
pub fn shrink(image: RgbImage, shorter_side: u32) -> Result<RgbImage, Error> {
    let (width, height) = image.dimensions();
    if width == 0 || height == 0 {
        return Err(Error::NoPixels { width, height });
    }
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
}
