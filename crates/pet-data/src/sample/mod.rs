//! A small data set that the program draws by itself: cartoon cats and dogs of six classes.
//!
//! It stands in where no photographs are at hand, as in a first try or a continuous integration
//! run. Animals of a class share coat, markings and kind of ears; pose, proportions, face, collar,
//! background and light change from picture to picture. The layout is that of
//! [`folder`](crate::folder), with `train/` and `test/`.

mod animal;
mod breed;
mod draw;
mod light;
mod options;
mod picture;
mod scene;
mod store;

use std::path::Path;

use pet_image::Format;
use rayon::prelude::*;

pub use options::Options;

use crate::{Dataset, Error};
use breed::{BREEDS, Breed};

/// Names of the classes, in index order.
pub fn class_names() -> Vec<&'static str> {
    BREEDS.iter().map(|breed| breed.name).collect()
}

/// Draws the sample to `root` and loads it.
///
/// A sample that is there with the same options and untouched is used as it is; another sample is
/// replaced. The folder appears whole or not at all.
///
/// # Errors
///
/// [`Error::SampleOptions`] for options out of range; [`Error::NotASample`] if `root` holds
/// something else, which is left alone; [`Error::Image`]; [`Error::Io`].
pub fn generate(root: &Path, options: &Options) -> Result<Dataset, Error> {
    options.check()?;
    if let Some(dataset) = store::reuse(root, options)? {
        return Ok(dataset);
    }
    store::write(root, options, |folder| draw_all(folder, options))
}

/// Draws all pictures into `folder`, in parallel; what each shows depends on its number only.
fn draw_all(folder: &Path, options: &Options) -> Result<(), Error> {
    let sets = [
        ("train", options.images_per_class),
        ("test", options.test_images_per_class),
    ];
    for (set, (name, count)) in sets.into_iter().enumerate() {
        for (class, breed) in BREEDS.iter().enumerate() {
            if count == 0 {
                continue;
            }
            let folder = folder.join(name).join(breed.name);
            fs_err::create_dir_all(&folder)?;
            (0..count).into_par_iter().try_for_each(|number| {
                let path = folder.join(format!("{:04}.jpg", number + 1));
                fs_err::write(path, encoded(breed, options, stream(class, set, number))?)?;
                Ok::<(), Error>(())
            })?;
        }
    }
    Ok(())
}

/// A number of its own for every picture, whatever the counts are.
fn stream(class: usize, set: usize, number: usize) -> u64 {
    (class as u64) << 33 | (set as u64) << 32 | number as u64
}

fn encoded(breed: &'static Breed, options: &Options, stream: u64) -> Result<Vec<u8>, Error> {
    let picture = picture::draw(breed, options.image_size, options.seed, stream);
    let picture = picture.ok_or_else(|| options.size_error())?;
    pet_image::encode_rgb(&picture, Format::Jpeg).map_err(|source| Error::Image { source })
}
