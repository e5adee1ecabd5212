//! A small generated data set: drawings of cats and dogs in six classes.
//!
//! It serves for a first try or in continuous integration, without photographs. Faces of a class share
//! coat, markings and kind of ears; size, position, tilt, proportions, background and lighting vary. The
//! layout is that of [`folder`](crate::folder), with `train/` and `test/`.

mod draw;
mod store;

use std::ops::RangeInclusive;
use std::path::Path;

use pet_image::Format;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Dataset, Error};
use draw::{BREEDS, Breed};

const SIZES: RangeInclusive<usize> = 32..=2048;
const MAX_COUNT: usize = 10_000;

/// Options of the sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// Random seed; the same seed gives the same bytes on one machine.
    pub seed: u64,
    /// Images of each class for training and validation, from 1 to 10,000.
    pub images_per_class: usize,
    /// Images of each class for evaluation, from 0 to 10,000.
    pub test_images_per_class: usize,
    /// Width and height in pixels, from 32 to 2048.
    pub image_size: u32,
}

impl Default for Options {
    /// Seed 42, 40 and 10 images of each of the six classes, 256 by 256 pixels.
    fn default() -> Self {
        Self { seed: 42, images_per_class: 40, test_images_per_class: 10, image_size: 256 }
    }
}

impl Options {
    fn check(&self) -> Result<(), Error> {
        let checks = [
            ("images_per_class", 1..=MAX_COUNT, self.images_per_class),
            ("test_images_per_class", 0..=MAX_COUNT, self.test_images_per_class),
            ("image_size", SIZES, self.image_size as usize),
        ];
        match checks.into_iter().find(|(_, range, got)| !range.contains(got)) {
            Some((option, range, got)) => Err(out_of_range(option, range, got)),
            None => Ok(()),
        }
    }
}

fn out_of_range(option: &'static str, range: RangeInclusive<usize>, got: usize) -> Error {
    Error::SampleOptions {
        option,
        expected: format!("{} to {}", range.start(), range.end()),
        got: got as u64,
    }
}

/// Names of the classes, in index order.
pub fn class_names() -> Vec<&'static str> {
    BREEDS.iter().map(|breed| breed.name).collect()
}

/// Draws the sample to `root`, atomically, and loads it.
///
/// An unchanged sample with the same options is reused; another sample is replaced.
///
/// # Errors
///
/// [`Error::SampleOptions`] for options out of range; [`Error::NotASample`] if `root` has other content,
/// which is kept; [`Error::Image`]; [`Error::Io`].
pub fn generate(root: &Path, options: &Options) -> Result<Dataset, Error> {
    options.check()?;
    if let Some(dataset) = store::reuse(root, options)? {
        return Ok(dataset);
    }
    store::write(root, options, |folder| draw_all(folder, options))
}

/// Draws all images to `folder`, in parallel; each depends on its number only.
fn draw_all(folder: &Path, options: &Options) -> Result<(), Error> {
    let counts = [options.images_per_class, options.test_images_per_class];
    for (set, (name, count)) in ["train", "test"].into_iter().zip(counts).enumerate() {
        for (class, breed) in BREEDS.iter().enumerate().filter(|_| count > 0) {
            let folder = folder.join(name).join(breed.name);
            fs_err::create_dir_all(&folder)?;
            (0..count).into_par_iter().try_for_each(|number| {
                let stream = (class as u64) << 33 | (set as u64) << 32 | number as u64;
                let path = folder.join(format!("{:04}.jpg", number + 1));
                Ok::<(), Error>(fs_err::write(path, encoded(breed, options, stream)?)?)
            })?;
        }
    }
    Ok(())
}

fn encoded(breed: &Breed, options: &Options, stream: u64) -> Result<Vec<u8>, Error> {
    let size = options.image_size;
    let picture = draw::draw(breed, size, options.seed, stream);
    let picture = picture.ok_or_else(|| out_of_range("image_size", SIZES, size as usize))?;
    pet_image::encode_rgb(&picture, Format::Jpeg).map_err(|source| Error::Image { source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_out_of_range_are_refused_by_name() {
        let check = |images_per_class, test_images_per_class, image_size| {
            let options = Options { seed: 1, images_per_class, test_images_per_class, image_size };
            options.check().map_err(|error| error.to_string())
        };
        assert_eq!(check(1, 0, 32), Ok(()));
        for (bad, name) in [
            (check(0, 0, 32), "images_per_class"),
            (check(10_001, 0, 32), "images_per_class"),
            (check(1, 10_001, 32), "test_images_per_class"),
            (check(1, 0, 31), "image_size"),
            (check(1, 0, 2049), "image_size"),
        ] {
            let text = bad.unwrap_err();
            assert!(text.starts_with(&format!("`{name}` must be ")), "{text}");
        }
    }
}
