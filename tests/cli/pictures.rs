//! Generated images, and a data set of colours.

use pet_image::{Format, RgbImage, encode_rgb};

use crate::test_dir::TestDir;

/// Classes, and the RGB values of their darkest shades.
pub(crate) const COLOURS: [(&str, [u8; 3]); 4] =
    [("Black", [0, 0, 0]), ("Blue", [0, 0, 200]), ("Red", [200, 0, 0]), ("White", [200; 3])];

/// Options that are enough to learn the colours.
pub(crate) const GOOD: &str = "--epochs 100 --learning-rate 0.005";

/// Draws random patches of light and dark; two scenes are as similar as by chance.
pub(crate) fn scene(seed: u32) -> RgbImage {
    RgbImage::from_fn(240, 180, |x, y| {
        let place = (x / 20) + 100 * (y / 20) + 10_000 * seed;
        // The finalizer of MurmurHash3, so that neighbouring patches are independent.
        let mixed = (place ^ (place >> 16)).wrapping_mul(0x85eb_ca6b);
        let mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
        let level = (mixed >> 24) as u8;
        [level, 255 - level, level / 2].into()
    })
}

pub(crate) fn png(image: &RgbImage) -> Vec<u8> {
    encode_rgb(image, Format::Png).unwrap()
}

/// An image of a lighter shade.
pub(crate) fn shade(levels: [u8; 3], lighter: u8) -> Vec<u8> {
    png(&RgbImage::from_pixel(32, 32, levels.map(|level| level + lighter).into()))
}

/// Creates a data set of colours in several shades: `images` training images and two test images per class.
pub(crate) fn colours(dir: &TestDir, name: &str, images: u8) {
    for (class, levels) in COLOURS {
        for (part, count) in [("train", images), ("test", 2)] {
            for number in 0..count {
                let lighter = number * 5 + if part == "test" { 2 } else { 0 };
                let png = shade(levels, lighter);
                dir.write(&format!("{name}/{part}/{class}/{number}.png"), png);
            }
        }
    }
}

/// A folder with the data set of colours `pets` and the weights `backbone.safetensors`; `None` without ONNX Runtime.
pub(crate) fn with_colours() -> Option<TestDir> {
    let dir = TestDir::with_runtime()?;
    dir.write("backbone.safetensors", pet_tests::backbone_bytes());
    colours(&dir, "pets", 10);
    Some(dir)
}
