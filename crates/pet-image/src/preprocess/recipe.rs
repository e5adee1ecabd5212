//! The recipe.

use serde::{Deserialize, Serialize};

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
#[serde(deny_unknown_fields, try_from = "super::validate::Unchecked")]
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_size_cuts_off_the_same_share() {
        let recipe = |resize| Preprocess { resize, ..Preprocess::imagenet() };
        let cropped = |resize, size| recipe(Resize::CenterCrop { resize, size });
        assert_eq!(cropped(256, 224).with_size(112), cropped(128, 112));
        assert_eq!(cropped(288, 288).with_size(224), cropped(224, 224));
        let stretched = recipe(Resize::Stretch { size: 64 });
        assert_eq!(Preprocess::imagenet().with_size(64), stretched);
    }
}
