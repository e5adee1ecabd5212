//! Validation of recipes.

use serde::Deserialize;

use super::{Layout, Preprocess, Resize};
use crate::Error;

/// Largest side of a model's input, and of the image before a centre crop, in pixels.
const MAX_SIZE: u32 = 1024;

/// A deserialized recipe, before its values are checked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unchecked {
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

impl Preprocess {
    /// Checks the values: sizes from 1 to 1024, a crop no larger than the shorter side, finite means,
    /// standard deviations above zero.
    ///
    /// # Errors
    /// [`Error::Recipe`], naming the first invalid field.
    pub fn validate(&self) -> Result<(), Error> {
        check_size("size", self.size())?;
        if let Resize::CenterCrop { resize, size } = self.resize {
            check_size("resize", resize)?;
            if resize < size {
                return Err(recipe_error("resize", &resize, "at least `size`"));
            }
        }
        if let Some(mean) = self.mean.iter().find(|mean| !mean.is_finite()) {
            return Err(recipe_error("mean", mean, "a finite number"));
        }
        // Below the smallest normal number, dividing would overflow.
        let is_divisor = |deviation: &f32| deviation.is_normal() && *deviation > 0.0;
        if let Some(deviation) = self.standard_deviation.iter().find(|value| !is_divisor(value)) {
            return Err(recipe_error("standard_deviation", deviation, "a finite number above 0"));
        }
        Ok(())
    }
}

fn check_size(field: &'static str, size: u32) -> Result<(), Error> {
    if (1..=MAX_SIZE).contains(&size) {
        Ok(())
    } else {
        Err(recipe_error(field, &size, "1 to 1024"))
    }
}

fn recipe_error(field: &'static str, value: &dyn ToString, expected: &'static str) -> Error {
    Error::Recipe { field, value: value.to_string(), expected }
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
}
