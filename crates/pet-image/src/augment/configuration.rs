//! Settings of the augmentation.

use image::RgbImage;
use rand::Rng;
use serde::{Deserialize, Serialize};

use super::operation::MAX_MAGNITUDE;
use crate::{Error, Preprocess};

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
            operations: 0,
            magnitude: 0.0,
            erase: 0.0,
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
        let shares = [
            ("flip", self.flip),
            ("brightness", self.brightness),
            ("contrast", self.contrast),
            ("saturation", self.saturation),
            ("erase", self.erase),
        ];
        let shares = shares.map(|(field, value)| (field, value, 1.0, "0 to 1"));
        let magnitude = ("magnitude", self.magnitude, MAX_MAGNITUDE, "0 to 10");
        for (field, value, max, expected) in shares.into_iter().chain([magnitude]) {
            if !(0.0..=max).contains(&value) {
                let value = value.to_string();
                return Err(Error::Augment { field, value, expected });
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

#[cfg(test)]
mod tests {
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
}
