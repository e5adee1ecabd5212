//! Flaws of single images.

use pet_image::{GrayImage, RgbImage, grayscale, shrink};
use serde::Serialize;

/// Length of the shorter side for measuring sharpness, close to the model's input.
const SHARPNESS_SIDE: u32 = 256;

/// A kind of flaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Flaw {
    /// Too small: upscaled more than twice for a model. Measured by the shorter side in pixels.
    Tiny,
    /// Too long or tall to be recognized as a square. Measured by the ratio of the longer to the shorter side.
    OddShape,
    /// Uniform. Measured by the largest standard deviation among the channels.
    OneColour,
    /// Almost black. Measured by the 99th percentile of the grey levels.
    Dark,
    /// Almost white. Measured by the 5th percentile of the grey levels.
    Bright,
    /// Out of focus or shaken. Measured by the variance of the Laplacian (Pech-Pacheco et al. 2000).
    Blurred,
}

impl Flaw {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Tiny, Self::OddShape, Self::OneColour, Self::Dark, Self::Bright, Self::Blurred];

    /// The limit at which an image has the flaw. Of the 3,680 photographs of Oxford-IIIT Pet none exceeds the limits of
    /// sharpness, brightness, colour and shape; of the same photographs blurred by Gaussians of 0.4 %, 0.6 % and 1 % of
    /// the longer side, 80 %, 99 % and 99.9 % are below that of sharpness.
    pub fn limit(self) -> f64 {
        match self {
            Self::Tiny => 100.0,
            Self::OddShape => 3.0,
            Self::OneColour => 4.0,
            Self::Dark => 64.0,
            Self::Bright => 190.0,
            Self::Blurred => 30.0,
        }
    }

    /// The name for display.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::OddShape => "odd shape",
            Self::OneColour => "one colour",
            Self::Dark => "dark",
            Self::Bright => "bright",
            Self::Blurred => "blurred",
        }
    }
}

/// A flaw of an image, with its measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FoundFlaw {
    /// The kind.
    pub kind: Flaw,
    /// The measured value.
    pub value: f64,
    /// The limit.
    pub limit: f64,
}

/// Size, brightness and sharpness of an image.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measures {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// The largest standard deviation among red, green and blue, in levels.
    pub deviation: f64,
    /// 99th percentile of the grey levels.
    pub brightest: u8,
    /// 5th percentile of the grey levels.
    pub darkest: u8,
    /// Variance of the Laplacian of the grey levels, after resizing the shorter side to at most 256 pixels.
    pub sharpness: f64,
}

impl Measures {
    /// Measures an image.
    ///
    /// # Errors
    ///
    /// [`pet_image::Error::NoPixels`] for an empty image.
    pub fn of(image: &RgbImage) -> Result<Self, pet_image::Error> {
        let small = shrink(image.clone(), SHARPNESS_SIDE)?;
        let statistics = pet_image::Statistics::of(&small);
        let grey = grayscale(&small);
        Ok(Self {
            width: image.width(),
            height: image.height(),
            deviation: statistics.standard_deviation.into_iter().fold(0.0, f64::max),
            brightest: quantile(&grey, 0.99),
            darkest: quantile(&grey, 0.05),
            sharpness: laplacian_variance(&grey),
        })
    }

    /// The flaws of size and shape, and the first one of content: a black image is not also reported as blurred.
    pub(super) fn flaws(&self) -> Vec<FoundFlaw> {
        let (short, long) = (self.width.min(self.height), self.width.max(self.height));
        let value = |kind| match kind {
            Flaw::Tiny => f64::from(short),
            Flaw::OddShape => f64::from(long) / f64::from(short.max(1)),
            Flaw::OneColour => self.deviation,
            Flaw::Dark => f64::from(self.brightest),
            Flaw::Bright => f64::from(self.darkest),
            Flaw::Blurred => self.sharpness,
        };
        let found = |kind: Flaw| {
            let (value, limit) = (value(kind), kind.limit());
            let beyond = match kind {
                Flaw::OddShape | Flaw::Bright => value >= limit,
                _ => value < limit,
            };
            beyond.then_some(FoundFlaw { kind, value, limit })
        };
        let [tiny, odd, content @ ..] = Flaw::ALL;
        let shape = [tiny, odd].into_iter().filter_map(found);
        shape.chain(content.into_iter().find_map(found)).collect()
    }
}

/// The quantile of the levels.
fn quantile(grey: &GrayImage, share: f64) -> u8 {
    let mut counts = [0u32; 256];
    for level in grey.as_raw() {
        counts[usize::from(*level)] += 1;
    }
    let wanted = share * grey.as_raw().len() as f64;
    let mut below = 0.0;
    let reached = |count: &u32| {
        below += f64::from(*count);
        below >= wanted
    };
    counts.iter().position(reached).unwrap_or(255) as u8
}

/// The variance of the Laplacian, which is large where there are sharp edges.
fn laplacian_variance(grey: &GrayImage) -> f64 {
    let width = grey.width() as usize;
    let rows: Vec<&[u8]> = grey.as_raw().chunks_exact(width.max(1)).collect();
    let (mut count, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for rows in rows.windows(3) {
        let [above, row, below] = rows else { continue };
        for x in 1..width.saturating_sub(1) {
            let around = [row[x - 1], row[x + 1], above[x], below[x]];
            let around: i32 = around.into_iter().map(i32::from).sum();
            let edge = f64::from(4 * i32::from(row[x]) - around);
            count += 1.0;
            sum += edge;
            squares += edge * edge;
        }
    }
    if count == 0.0 {
        return 0.0;
    }
    squares / count - (sum / count).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chequered picture between two levels.
    fn chequered(width: u32, height: u32, levels: [u8; 2], square: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| {
            [levels[((x / square + y / square) % 2) as usize]; 3].into()
        })
    }

    fn kinds(image: &RgbImage) -> Vec<Flaw> {
        let found = Measures::of(image).unwrap().flaws();
        found.iter().map(|flaw| flaw.kind).collect()
    }

    #[test]
    fn each_flaw_is_found_and_no_other() {
        let good = chequered(300, 200, [20, 230], 8);
        assert_eq!(kinds(&good), []);
        assert_eq!(kinds(&chequered(120, 60, [20, 230], 8)), [Flaw::Tiny]);
        assert_eq!(kinds(&chequered(700, 120, [20, 230], 8)), [Flaw::OddShape]);
        assert_eq!(kinds(&chequered(300, 200, [120, 122], 8)), [Flaw::OneColour]);
        assert_eq!(kinds(&chequered(300, 200, [0, 40], 8)), [Flaw::Dark]);
        assert_eq!(kinds(&chequered(300, 200, [200, 255], 8)), [Flaw::Bright]);
        let smooth = RgbImage::from_fn(300, 200, |x, y| [u32::midpoint(x, y) as u8; 3].into());
        assert_eq!(kinds(&smooth), [Flaw::Blurred]);
    }

    #[test]
    fn a_large_photograph_need_not_be_sharp_in_every_pixel() {
        let small = RgbImage::from_fn(256, 256, |x, y| {
            let wave = (x as f32 / 3.0).sin() * (y as f32 / 4.0).cos();
            [(127.0 + 100.0 * wave) as u8; 3].into()
        });
        let large = pet_image::resize(&small, 1024, 1024, pet_image::Filter::Lanczos).unwrap();
        let sharpness = |image| Measures::of(image).unwrap().sharpness;
        let ratio = sharpness(&large) / sharpness(&small);
        assert!((0.8..1.2).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_smallest_pictures_are_measured_too() {
        for (width, height) in [(1, 1), (2, 5), (5, 2)] {
            let measures = Measures::of(&RgbImage::new(width, height)).unwrap();
            assert!(measures.sharpness.abs() < f64::EPSILON);
        }
    }
}
