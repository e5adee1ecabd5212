//! The recipe of preprocessing: how an image file becomes the input of a model.

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::crop::center_offset;
use crate::resize::by_shorter_side;

/// Largest side of a model's input, and of the image before a centre crop, in pixels.
const MAX_SIZE: u32 = 1024;

/// How an image file becomes the input of a model.
///
/// Training, evaluation and serving use the same recipe, which is stored with the model as JSON:
///
/// ```
/// use pet_image::Preprocess;
///
/// let json = serde_json::to_string(&Preprocess::imagenet())?;
/// assert_eq!(
///     json,
///     r#"{"resize":{"stretch":{"size":224}},"mean":[0.485,0.456,0.406],"standard_deviation":[0.229,0.224,0.225],"layout":"nchw"}"#
/// );
/// // Unknown values are errors.
/// assert!(serde_json::from_str::<Preprocess>(&json.replace("nchw", "nhwc")).is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Deserializing rejects unknown fields and invalid values. A recipe made in code is checked by
/// [`validate`](Self::validate) and whenever it runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[cfg_attr(
    feature = "schemars",
    schemars(!try_from, description = "How an image file becomes the input of a model.")
)]
#[serde(deny_unknown_fields, try_from = "Unchecked")]
pub struct Preprocess {
    /// How the image is resized to the model's input.
    pub resize: Resize,
    /// Means of red, green and blue, which are subtracted after scaling the levels to 0..=1.
    pub mean: [f32; 3],
    /// Standard deviations of red, green and blue, by which the differences are divided.
    pub standard_deviation: [f32; 3],
    /// Memory layout of the tensor.
    pub layout: Layout,
}

/// How an image of any size becomes a square. Always bilinear with antialiasing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Resize {
    /// The whole image, stretched to a square: torchvision's `Resize((size, size))`.
    Stretch {
        /// Side of the square in pixels.
        size: u32,
    },
    /// The center of the image with its aspect ratio preserved: torchvision's `Resize(resize)` followed by
    /// `CenterCrop(size)`.
    CenterCrop {
        /// Length of the shorter side in pixels before cropping.
        resize: u32,
        /// Side of the square in pixels.
        size: u32,
    },
}

/// Memory layout of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Image, channel (red, green, blue), row, column.
    Nchw,
}

/// A rectangle in an image, in fractional pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Region {
    /// Left edge.
    pub left: f32,
    /// Upper edge.
    pub top: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

impl Preprocess {
    /// The normalization of torchvision's `ImageNet` models, with the whole image stretched to 224x224.
    pub const fn imagenet() -> Self {
        Self {
            resize: Resize::Stretch { size: 224 },
            mean: [0.485, 0.456, 0.406],
            standard_deviation: [0.229, 0.224, 0.225],
            layout: Layout::Nchw,
        }
    }

    /// Side of the model's input, in pixels.
    pub const fn size(&self) -> u32 {
        match self.resize {
            Resize::Stretch { size } | Resize::CenterCrop { size, .. } => size,
        }
    }

    /// The same recipe for another side in pixels; a centre crop keeps its proportion.
    #[must_use]
    pub fn with_size(&self, size: u32) -> Self {
        let resize = match self.resize {
            Resize::Stretch { .. } => Resize::Stretch { size },
            Resize::CenterCrop { resize, size: before } => {
                let share = f64::from(resize) / f64::from(before);
                let resize = (f64::from(size) * share).round() as u32;
                Resize::CenterCrop { resize, size }
            }
        };
        Self { resize, ..self.clone() }
    }

    /// Number of elements of one image's tensor: three channels of `size` times `size`.
    pub const fn tensor_len(&self) -> usize {
        3 * self.size() as usize * self.size() as usize
    }

    /// Checks the values: sizes from 1 to 1024, a crop no larger than the shorter side, finite means,
    /// standard deviations above zero.
    ///
    /// # Errors
    /// [`Error::Recipe`], naming the first invalid field.
    pub fn validate(&self) -> Result<(), Error> {
        let refuse = |field, value: &dyn ToString, expected| {
            Err(Error::Recipe { field, value: value.to_string(), expected })
        };
        let is_size = |size: u32| (1..=MAX_SIZE).contains(&size);
        if !is_size(self.size()) {
            return refuse("size", &self.size(), "1 to 1024");
        }
        if let Resize::CenterCrop { resize, size } = self.resize {
            if !is_size(resize) {
                return refuse("resize", &resize, "1 to 1024");
            }
            if resize < size {
                return refuse("resize", &resize, "at least `size`");
            }
        }
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return refuse("mean", mean, "a finite number");
        }
        // Below the smallest normal number, dividing would overflow.
        let is_divisor = |deviation: &f32| deviation.is_normal() && *deviation > 0.0;
        if let Some(deviation) = self.standard_deviation.iter().find(|value| !is_divisor(value)) {
            return refuse("standard_deviation", deviation, "a finite number above 0");
        }
        Ok(())
    }

    /// The region of an image of `width` times `height` pixels that becomes the tensor: all of it if the
    /// recipe stretches, a centred square if it crops.
    ///
    /// ```
    /// use pet_image::{Preprocess, Resize};
    ///
    /// let recipe = Preprocess {
    ///     resize: Resize::CenterCrop { resize: 256, size: 224 },
    ///     ..Preprocess::imagenet()
    /// };
    /// let region = recipe.region(1024, 512);
    /// assert_eq!((region.left, region.top), (288.0, 32.0));
    /// assert_eq!((region.width, region.height), (448.0, 448.0));
    /// ```
    pub fn region(&self, width: u32, height: u32) -> Region {
        let Resize::CenterCrop { size, .. } = self.resize else {
            return Region { left: 0.0, top: 0.0, width: width as f32, height: height as f32 };
        };
        let resized = self.resized(width, height);
        let across = width as f32 / resized.0.max(1) as f32;
        let down = height as f32 / resized.1.max(1) as f32;
        let start = |resized: u32| center_offset(resized, size) as f32;
        Region {
            left: start(resized.0) * across,
            top: start(resized.1) * down,
            width: size as f32 * across,
            height: size as f32 * down,
        }
    }

    /// Size to which an image is resized, before a centre crop.
    pub(crate) fn resized(&self, width: u32, height: u32) -> (u32, u32) {
        match self.resize {
            Resize::Stretch { size } => (size, size),
            Resize::CenterCrop { resize, .. } => by_shorter_side(width, height, resize),
        }
    }
}

/// A deserialized recipe, before its values are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    resize: Resize,
    mean: [f32; 3],
    standard_deviation: [f32; 3],
    layout: Layout,
}

impl TryFrom<Unchecked> for Preprocess {
    type Error = Error;

    fn try_from(unchecked: Unchecked) -> Result<Self, Error> {
        let Unchecked { resize, mean, standard_deviation, layout } = unchecked;
        let recipe = Self { resize, mean, standard_deviation, layout };
        recipe.validate()?;
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"resize":{"center_crop":{"resize":256,"size":224}},"mean":[0,0,0],"standard_deviation":[1,1,1],"layout":"nchw"}"#;

    fn refusal(from: &str, to: &str) -> String {
        let changed = JSON.replace(from, to);
        assert_ne!(changed, JSON);
        serde_json::from_str::<Preprocess>(&changed).unwrap_err().to_string()
    }

    #[test]
    fn another_size_cuts_off_the_same_share() {
        let recipe = |resize| Preprocess { resize, ..Preprocess::imagenet() };
        let cropped = |resize, size| recipe(Resize::CenterCrop { resize, size });
        assert_eq!(cropped(256, 224).with_size(112), cropped(128, 112));
        assert_eq!(cropped(288, 288).with_size(224), cropped(224, 224));
        let stretched = recipe(Resize::Stretch { size: 64 });
        assert_eq!(Preprocess::imagenet().with_size(64), stretched);
    }

    #[test]
    fn json_comes_back_as_it_went() {
        let recipe: Preprocess = serde_json::from_str(JSON).unwrap();
        assert_eq!(recipe.resize, Resize::CenterCrop { resize: 256, size: 224 });
        let again = serde_json::from_str(&serde_json::to_string(&recipe).unwrap()).unwrap();
        assert_eq!(recipe, again);
    }

    #[test]
    fn senseless_values_are_refused_by_name() {
        assert!(
            refusal(r#""size":224"#, r#""size":0"#).contains("`size` = `0`, expected 1 to 1024")
        );
        assert!(refusal(r#""resize":256"#, r#""resize":1025"#).contains("`resize` = `1025`"));
        assert!(refusal(r#""resize":256"#, r#""resize":200"#).contains("at least `size`"));
        assert!(refusal("[1,1,1]", "[1,0,1]").contains("`standard_deviation` = `0`"));
        assert!(refusal("[1,1,1]", "[1,-1,1]").contains("`standard_deviation` = `-1`"));
        assert!(refusal("[0,0,0]", "[0,0]").contains("invalid length 2"));
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(refusal(r#""layout""#, r#""gamma":1,"layout""#).contains("unknown field `gamma`"));
        assert!(refusal(r#""size":224"#, r#""size":224,"filter":"nearest""#).contains("`filter`"));
        assert!(refusal("center_crop", "letterbox").contains("unknown variant `letterbox`"));
        assert!(refusal("nchw", "nhwc").contains("unknown variant `nhwc`"));
    }

    #[test]
    fn values_made_in_code_are_checked_too() {
        let recipe = Preprocess { mean: [0.0, f32::NAN, 0.0], ..Preprocess::imagenet() };
        assert!(matches!(recipe.validate(), Err(Error::Recipe { field: "mean", .. })));
        assert!(Preprocess::imagenet().validate().is_ok());
    }

    #[test]
    fn a_stretched_picture_is_used_whole() {
        let region = Preprocess::imagenet().region(500, 375);
        assert_eq!(
            (region.left, region.top, region.width, region.height),
            (0.0, 0.0, 500.0, 375.0)
        );
    }

    #[test]
    fn the_region_lies_within_the_picture() {
        let recipe = Preprocess {
            resize: Resize::CenterCrop { resize: 232, size: 224 },
            ..Preprocess::imagenet()
        };
        for (width, height) in [(1, 1), (33, 900), (500, 375), (375, 500), (4000, 17)] {
            let region = recipe.region(width, height);
            assert!(region.left >= 0.0 && region.top >= 0.0, "{region:?}");
            assert!(region.left + region.width <= width as f32 * 1.000_1, "{region:?}");
            assert!(region.top + region.height <= height as f32 * 1.000_1, "{region:?}");
        }
    }
}
