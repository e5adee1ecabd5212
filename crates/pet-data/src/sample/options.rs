use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::Error;

const SIZES: RangeInclusive<u32> = 32..=2048;
const COUNTS: RangeInclusive<usize> = 1..=10_000;

/// What is drawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Every seed gives other pictures; the same seed gives the same bytes on one machine.
    pub seed: u64,
    /// Pictures of each class to train and to validate on, from 1 to 10,000.
    pub images_per_class: usize,
    /// Pictures of each class kept for evaluation, from 0 to 10,000.
    pub test_images_per_class: usize,
    /// Width and height in pixels, from 32 to 2048.
    pub image_size: u32,
}

impl Default for Options {
    /// Seed 42, 40 and 10 pictures of each of the six classes, 256 by 256 pixels.
    fn default() -> Self {
        Self {
            seed: 42,
            images_per_class: 40,
            test_images_per_class: 10,
            image_size: 256,
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<(), Error> {
        let error = |option, got: usize, expected: String| Error::SampleOptions {
            option,
            expected,
            got: got as u64,
        };
        let (least, most) = (COUNTS.start(), COUNTS.end());
        if !COUNTS.contains(&self.images_per_class) {
            let expected = format!("{least} to {most}");
            return Err(error("images_per_class", self.images_per_class, expected));
        }
        if self.test_images_per_class > *most {
            let expected = format!("0 to {most}");
            return Err(error(
                "test_images_per_class",
                self.test_images_per_class,
                expected,
            ));
        }
        if !SIZES.contains(&self.image_size) {
            return Err(self.size_error());
        }
        Ok(())
    }

    pub(super) fn size_error(&self) -> Error {
        Error::SampleOptions {
            option: "image_size",
            expected: format!("{} to {}", SIZES.start(), SIZES.end()),
            got: self.image_size.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let options = Options::default;
        for (bad, name) in [
            (
                Options {
                    images_per_class: 0,
                    ..options()
                },
                "images_per_class",
            ),
            (
                Options {
                    images_per_class: 10_001,
                    ..options()
                },
                "images_per_class",
            ),
            (
                Options {
                    test_images_per_class: 10_001,
                    ..options()
                },
                "test_images_per_class",
            ),
            (
                Options {
                    image_size: 31,
                    ..options()
                },
                "image_size",
            ),
            (
                Options {
                    image_size: 2049,
                    ..options()
                },
                "image_size",
            ),
        ] {
            let text = bad.check().unwrap_err().to_string();
            assert!(text.starts_with(&format!("`{name}` must be ")), "{text}");
        }
        options().check().unwrap();
    }
}
