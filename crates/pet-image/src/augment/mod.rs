//! Random changes for training.

mod change;
mod geometry;

use image::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};

pub use self::change::Change;
pub use self::geometry::{Erased, Warp};
use crate::{CropBox, Error, Preprocess};

/// Attempts to draw a crop that fits, before the centre is used, as in torchvision.
const TRIES: usize = 10;

/// The largest magnitude of an operation.
const MAX_MAGNITUDE: f32 = 10.0;
/// The largest rotation in degrees.
const ROTATION: f32 = 30.0;
/// The largest shift of one edge, as a share of the other.
const SHEAR: f32 = 0.3;
/// The largest shift, as a share of the side.
const SHIFT: f32 = 0.2;
/// The largest change of a factor of 1.
const COLOUR: f32 = 0.9;

/// Data augmentation: random changes to a photograph that keep its class.
///
/// In this order: a random crop is resized to the model's square, it may be mirrored, and its
/// brightness, contrast and saturation are changed. The settings are those of torchvision's
/// `RandomResizedCrop`, `RandomHorizontalFlip` and `ColorJitter`, except that the colour changes always
/// come in this order.
///
/// ```
/// use pet_image::{Augment, Preprocess, RgbImage};
/// use rand::SeedableRng;
/// use rand_chacha::ChaCha8Rng;
///
/// let photograph = RgbImage::from_fn(500, 375, |x, y| [x as u8, y as u8, 90].into());
/// let recipe = Preprocess::imagenet();
/// let tensor_from = |seed| {
///     let mut tensor = vec![0.0; recipe.tensor_len()];
///     // With one generator per image and epoch, changes do not depend on other images.
///     let mut random = ChaCha8Rng::seed_from_u64(seed);
///     Augment::standard()
///         .run_image(&photograph, &recipe, &mut random, &mut tensor)
///         .map(|()| tensor)
/// };
/// assert_eq!(tensor_from(1)?, tensor_from(1)?);
/// assert_ne!(tensor_from(1)?, tensor_from(2)?);
/// # Ok::<(), pet_image::Error>(())
/// ```
///
/// Decoding once and augmenting many times saves time; [`shrink`](crate::shrink) makes the decoded
/// photographs small enough to keep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Augment {
    /// Smallest and largest area of the crop, as a share of the photograph's. With `(1, 1)` there
    /// is no random crop: the recipe resizes the whole photograph.
    pub scale: (f32, f32),
    /// Smallest and largest aspect ratio of the crop, width over height, before it is stretched to
    /// the square.
    pub ratio: (f32, f32),
    /// Probability of mirroring horizontally.
    pub flip: f32,
    /// Brightness is multiplied by a factor between `1 - brightness` and `1 + brightness`.
    pub brightness: f32,
    /// Contrast, likewise.
    pub contrast: f32,
    /// Saturation, likewise.
    pub saturation: f32,
    /// Number of `RandAugment` operations (Cubuk et al. 2020) for each photograph: rotation, shear, shift, and further
    /// changes of brightness, contrast and saturation.
    #[serde(default)]
    pub operations: u32,
    /// Their magnitude, 0 to 10.
    #[serde(default)]
    pub magnitude: f32,
    /// Probability of random erasing (Zhong et al. 2020).
    #[serde(default)]
    pub erase: f32,
}

impl Augment {
    /// Moderate settings for photographs of animals: crops of 35 to 100 % of the area with aspect
    /// ratios from 3/4 to 4/3, half of them mirrored, colours changed by up to 20 %.
    ///
    /// torchvision's default minimum area, 8 %, is meant for training on `ImageNet` from scratch; such a
    /// small crop often shows no animal.
    pub const fn standard() -> Self {
        Self {
            scale: (0.35, 1.0),
            ratio: (3.0 / 4.0, 4.0 / 3.0),
            flip: 0.5,
            brightness: 0.2,
            contrast: 0.2,
            saturation: 0.2,
            ..Self::none()
        }
    }

    /// No changes: the tensor is that of [`Preprocess::run_image`].
    pub const fn none() -> Self {
        Self {
            scale: (1.0, 1.0),
            ratio: (1.0, 1.0),
            flip: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            operations: 0,
            magnitude: 0.0,
            erase: 0.0,
        }
    }

    /// Checks the values: shares and probabilities up to 1, ranges in ascending order, areas and
    /// ratios above 0.
    ///
    /// # Errors
    /// [`Error::Augment`], naming the first invalid field.
    pub fn check(&self) -> Result<(), Error> {
        check_range("scale", self.scale, 1.0, "an ascending range in 0 to 1")?;
        check_range("ratio", self.ratio, f32::MAX, "an ascending range above 0")?;
        for (field, value, max, expected) in [
            ("flip", self.flip, 1.0, "0 to 1"),
            ("brightness", self.brightness, 1.0, "0 to 1"),
            ("contrast", self.contrast, 1.0, "0 to 1"),
            ("saturation", self.saturation, 1.0, "0 to 1"),
            ("erase", self.erase, 1.0, "0 to 1"),
            ("magnitude", self.magnitude, MAX_MAGNITUDE, "0 to 10"),
        ] {
            if !(0.0..=max).contains(&value) {
                return Err(Error::Augment { field, value: value.to_string(), expected });
            }
        }
        Ok(())
    }

    /// Turns decoded pixels into the tensor of an image with random changes: three planes (red, green,
    /// blue) of the recipe's `size` rows of `size` numbers, normalized.
    ///
    /// On an error the content of `tensor` is unspecified.
    ///
    /// # Errors
    /// Those of [`check`](Self::check) and of [`Preprocess::run_image`].
    pub fn run_image(
        &self,
        image: &RgbImage,
        recipe: &Preprocess,
        random: &mut impl Rng,
        tensor: &mut [f32],
    ) -> Result<(), Error> {
        self.check()?;
        self.draw(image.width(), image.height(), random).run_image(image, recipe, tensor)
    }

    /// Draws the changes for a photograph of this size in pixels.
    ///
    /// The settings must be valid, see [`check`](Self::check).
    pub fn draw(&self, width: u32, height: u32, random: &mut impl Rng) -> Change {
        let mut change = Change {
            part: self.draw_part(width, height, random),
            mirrored: random.random::<f32>() < self.flip,
            brightness: factor(self.brightness, random),
            contrast: factor(self.contrast, random),
            saturation: factor(self.saturation, random),
            ..Change::NONE
        };
        self.draw_operations(&mut change, random);
        change.erased = Erased::draw(self.erase, random);
        change
    }

    /// Draws a crop as torchvision's `RandomResizedCrop` (after Szegedy et al., Going deeper with
    /// convolutions, 2015): the area uniformly, the aspect ratio log-uniformly, then the position.
    fn draw_part(&self, width: u32, height: u32, random: &mut impl Rng) -> Option<CropBox> {
        if self.scale == (1.0, 1.0) || width == 0 || height == 0 {
            return None;
        }
        let area = f64::from(width) * f64::from(height);
        let logarithms = (f64::from(self.ratio.0).ln(), f64::from(self.ratio.1).ln());
        for _ in 0..TRIES {
            let scale = (f64::from(self.scale.0), f64::from(self.scale.1));
            let target = area * between(scale, random);
            let ratio = between(logarithms, random).exp();
            let part_width = (target * ratio).sqrt().round_ties_even() as u32;
            let part_height = (target / ratio).sqrt().round_ties_even() as u32;
            if (1..=width).contains(&part_width) && (1..=height).contains(&part_height) {
                let left = random.random_range(0..=width - part_width);
                let top = random.random_range(0..=height - part_height);
                return Some(area_at(left, top, part_width, part_height));
            }
        }
        Some(self.middle(width, height))
    }

    /// The largest centred crop of an allowed aspect ratio.
    fn middle(&self, width: u32, height: u32) -> CropBox {
        let (lowest, highest) = (f64::from(self.ratio.0), f64::from(self.ratio.1));
        let most_columns = (f64::from(height) * highest).round_ties_even() as u32;
        let most_rows = (f64::from(width) / lowest).round_ties_even() as u32;
        // A very thin photograph and extreme ratios could leave nothing.
        let (part_width, part_height) =
            (width.min(most_columns).max(1), height.min(most_rows).max(1));
        let (left, top) = ((width - part_width) / 2, (height - part_height) / 2);
        area_at(left, top, part_width, part_height)
    }

    /// Draws operations of `RandAugment` (Cubuk et al. 2020), all of one magnitude. Those that replace colours (invert,
    /// solarize, equalize, posterize) are omitted, because breeds differ in colour.
    fn draw_operations(&self, change: &mut Change, random: &mut impl Rng) {
        for _ in 0..self.operations {
            let sign = if random.random::<bool>() { 1.0 } else { -1.0 };
            let strength = sign * self.magnitude / MAX_MAGNITUDE;
            let warp = match random.random_range(0..8_u32) {
                0 => Warp::rotation(strength * ROTATION),
                1 => Warp([[1.0, strength * SHEAR, 0.0], [0.0, 1.0, 0.0]]),
                2 => Warp([[1.0, 0.0, 0.0], [strength * SHEAR, 1.0, 0.0]]),
                3 => Warp([[1.0, 0.0, strength * SHIFT], [0.0, 1.0, 0.0]]),
                4 => Warp([[1.0, 0.0, 0.0], [0.0, 1.0, strength * SHIFT]]),
                colour => {
                    let factor = match colour {
                        5 => &mut change.brightness,
                        6 => &mut change.contrast,
                        _ => &mut change.saturation,
                    };
                    *factor *= 1.0 + strength * COLOUR;
                    continue;
                }
            };
            let before = change.warp.unwrap_or(Warp::NONE);
            change.warp = Some(before.after(&warp));
        }
    }
}

fn check_range(
    field: &'static str,
    (low, high): (f32, f32),
    max: f32,
    expected: &'static str,
) -> Result<(), Error> {
    if low > 0.0 && low <= high && high <= max {
        return Ok(());
    }
    Err(Error::Augment { field, value: format!("{low}, {high}"), expected })
}

const fn area_at(left: u32, top: u32, width: u32, height: u32) -> CropBox {
    CropBox { left, top, right: left + width, bottom: top + height }
}

/// A uniformly distributed number.
fn between((low, high): (f64, f64), random: &mut impl Rng) -> f64 {
    low + (high - low) * random.random::<f64>()
}

/// A factor around 1.
fn factor(strength: f32, random: &mut impl Rng) -> f32 {
    1.0 + strength * (2.0 * random.random::<f32>() - 1.0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn json_comes_back_as_it_went() {
        let json = serde_json::to_string(&Augment::standard()).unwrap();
        let again: Augment = serde_json::from_str(&json).unwrap();
        assert_eq!(again, Augment::standard());
        assert!(serde_json::from_str::<Augment>(&json.replace("flip", "flop")).is_err());
        let before = json.replace(r#","operations":0,"magnitude":0.0,"erase":0.0"#, "");
        assert_ne!(before, json);
        assert_eq!(serde_json::from_str::<Augment>(&before).unwrap(), again);
    }

    #[test]
    fn senseless_values_are_refused_by_name() {
        let refused = |change: fn(&mut Augment)| {
            let mut augment = Augment::standard();
            assert!(augment.check().is_ok());
            change(&mut augment);
            match augment.check() {
                Err(Error::Augment { field, .. }) => field,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused(|augment| augment.scale = (0.0, 1.0)), "scale");
        assert_eq!(refused(|augment| augment.scale = (0.5, 1.5)), "scale");
        assert_eq!(refused(|augment| augment.ratio = (2.0, 1.0)), "ratio");
        assert_eq!(refused(|augment| augment.ratio = (1.0, f32::INFINITY)), "ratio");
        assert_eq!(refused(|augment| augment.flip = -0.1), "flip");
        assert_eq!(refused(|augment| augment.brightness = f32::NAN), "brightness");
        assert_eq!(refused(|augment| augment.contrast = 1.1), "contrast");
        assert_eq!(refused(|augment| augment.saturation = 2.0), "saturation");
        assert_eq!(refused(|augment| augment.erase = 1.5), "erase");
        assert_eq!(refused(|augment| augment.magnitude = 11.0), "magnitude");
        assert!(Augment::none().check().is_ok());
    }

    fn parts(augment: Augment, width: u32, height: u32) -> Vec<CropBox> {
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let draws = (0..2000).map(|_| augment.draw_part(width, height, &mut random));
        draws.map(Option::unwrap).collect()
    }

    #[test]
    fn all_allowed_areas_and_ratios_come_up() {
        let parts = parts(Augment::standard(), 500, 375);
        let share = |part: &CropBox| f64::from(part.width() * part.height()) / (500.0 * 375.0);
        let count = |condition: &dyn Fn(&CropBox) -> bool| {
            parts.iter().filter(|part| condition(part)).count()
        };
        // Rounding to whole pixels moves an area by less than one in a hundred.
        assert_eq!(count(&|part| !(0.345..=1.0).contains(&share(part))), 0);
        // Large parts seldom fit, so the small ones outnumber them; but both are there.
        assert!(count(&|part| share(part) < 0.45) > 200);
        assert!(count(&|part| share(part) > 0.85) > 100);
        assert!(count(&|part| part.width() > part.height()) > 700);
        assert!(count(&|part| part.width() < part.height()) > 700);
        assert!(count(&|part| part.left == 0) < 200);
        assert!(count(&|part| part.right == 500) < 200);
    }

    #[test]
    fn where_nothing_fits_the_middle_is_taken() {
        // No part of 90 % of the area of a strip has a ratio up to 4/3.
        let augment = Augment { scale: (0.9, 0.95), ..Augment::standard() };
        assert!(parts(augment, 400, 30).iter().all(|part| *part == area_at(180, 0, 40, 30)));
        assert!(parts(augment, 30, 400).iter().all(|part| *part == area_at(0, 180, 30, 40)));
        let flat = Augment { ratio: (100.0, 100.0), ..augment };
        assert_eq!(parts(flat, 1, 9)[0], area_at(0, 4, 1, 1));
    }

    #[test]
    fn operations_come_on_top_of_what_was_drawn_before() {
        let augment = |operations| Augment { operations, magnitude: 5.0, ..Augment::none() };
        let draw = |operations| {
            let mut random = ChaCha8Rng::seed_from_u64(7);
            let draws = (0..800).map(|_| augment(operations).draw(40, 30, &mut random));
            draws.collect::<Vec<_>>()
        };
        assert!(draw(0).iter().all(|change| *change == Change::NONE));
        // Five of eight operations move the square; of two draws both are colours in 9 of 64 cases.
        let moved = |changes: &[Change]| changes.iter().filter(|one| one.warp.is_some()).count();
        assert!((440..560).contains(&moved(&draw(1))));
        assert!((630..740).contains(&moved(&draw(2))));
        for change in draw(2) {
            let factors = [change.brightness, change.contrast, change.saturation];
            assert!(factors.iter().all(|factor| (0.3..=2.11).contains(factor)));
        }
    }

    #[test]
    fn a_mirror_comes_up_as_often_as_it_should() {
        let augment = Augment { flip: 0.25, ..Augment::none() };
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mirrored = (0..4000).filter(|_| augment.draw(40, 30, &mut random).mirrored).count();
        // Four standard deviations: sqrt(4000 * 0.25 * 0.75) = 27.
        assert!((890..=1110).contains(&mirrored), "{mirrored}");
    }
}
