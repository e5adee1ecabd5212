//! A small generated data set: drawings of cats and dogs in six classes.
//!
//! It serves for a first try or in continuous integration, without photographs. Faces of a class share
//! coat, markings and kind of ears; size, position, tilt, proportions, background and lighting vary. The
//! layout is that of [`folder`], with `train/` and `test/`.

mod draw;

use std::ops::RangeInclusive;
use std::path::Path;

use draw::{BREEDS, Breed, draw};
use pet_image::Format;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{Dataset, Error, LeftOut, folder};

const SIZES: RangeInclusive<usize> = 32..=2048;
const MAX_COUNT: usize = 10_000;

/// The file that identifies a generated sample.
const MARKER: &str = "sample.json";

/// Incremented whenever the same options give other images.
const VERSION: u32 = 2;

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
    if let Some(dataset) = reuse(root, options)? {
        return Ok(dataset);
    }
    write(root, options, |folder| draw_all(folder, options))
}

/// The content of [`MARKER`].
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    version: u32,
    options: Options,
    digest: String,
}

/// The sample at `root`, if it has these options and is unchanged.
fn reuse(root: &Path, options: &Options) -> Result<Option<Dataset>, Error> {
    let same = |marker: &Marker| marker.version == VERSION && marker.options == *options;
    let (Some(marker), Ok(dataset)) = (marker(root)?.filter(same), load(root)) else {
        return Ok(None);
    };
    Ok((dataset.digest()? == marker.digest).then_some(dataset))
}

/// Lets `draw` fill a temporary folder, and renames it to `root` when it is complete.
fn write(
    root: &Path,
    options: &Options,
    draw: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<Dataset, Error> {
    check_replaceable(root)?;
    let parent = root.parent().filter(|path| !path.as_os_str().is_empty());
    let beside = parent.unwrap_or(Path::new("."));
    fs_err::create_dir_all(beside)?;
    let temporary = tempfile::Builder::new().prefix(".sample-").tempdir_in(beside)?;

    let new = temporary.path().join("new");
    fs_err::create_dir(&new)?;
    draw(&new)?;
    let marker =
        Marker { version: VERSION, options: options.clone(), digest: load(&new)?.digest()? };
    let text = serde_json::to_string_pretty(&marker).map_err(std::io::Error::from)?;
    fs_err::write(new.join(MARKER), text + "\n")?;

    if root.exists() {
        fs_err::rename(root, temporary.path().join("old"))?;
    }
    fs_err::rename(&new, root)?;
    load(root)
}

fn load(root: &Path) -> Result<Dataset, Error> {
    Ok(Dataset {
        name: "sample".to_owned(),
        // Its marker is not reported.
        left_out: LeftOut::default(),
        ..folder::load(root)?
    })
}

/// The marker of the sample at `root`; `None` if it is not a sample.
fn marker(root: &Path) -> Result<Option<Marker>, Error> {
    let path = root.join(MARKER);
    if !path.is_file() {
        return Ok(None);
    }
    Ok(serde_json::from_slice(&fs_err::read(path)?).ok())
}

/// Checks that `root` is a sample, an empty folder or absent.
fn check_replaceable(root: &Path) -> Result<(), Error> {
    let replaceable = !root.exists()
        || marker(root)?.is_some()
        || (root.is_dir() && fs_err::read_dir(root)?.next().is_none());
    let root = root.to_owned();
    replaceable.then_some(()).ok_or(Error::NotASample { root })
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
    let picture = draw(breed, size, options.seed, stream);
    let picture = picture.ok_or_else(|| out_of_range("image_size", SIZES, size as usize))?;
    pet_image::encode_rgb(&picture, Format::Jpeg).map_err(Error::Image)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

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

    /// A folder to draw in, and options for few small pictures.
    fn place() -> (TempDir, Options) {
        let options = Options {
            images_per_class: 2,
            test_images_per_class: 1,
            image_size: 32,
            ..Options::default()
        };
        (tempfile::tempdir().unwrap(), options)
    }

    fn names(folder: &TempDir) -> Vec<std::ffi::OsString> {
        let entries = fs_err::read_dir(folder.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn a_sample_is_loaded_back_and_leaves_nothing_beside() {
        let (place, options) = place();
        let dataset = generate(&place.path().join("pets"), &options).unwrap();
        assert_eq!(dataset.name, "sample");
        assert_eq!(dataset.classes, class_names());
        assert_eq!((dataset.train.len(), dataset.test.len()), (12, 6));
        for sample in dataset.samples() {
            let picture = fs_err::read(&sample.path).unwrap();
            pet_image::decode(&picture, &pet_image::Limits::default()).unwrap();
        }
        assert_eq!(names(&place), ["pets"]);
    }

    #[test]
    fn a_picture_depends_on_the_seed_and_its_number_only() {
        let (place, options) = place();
        let second = |name: &str, seed, images_per_class| {
            let options = Options { seed, images_per_class, ..options.clone() };
            let dataset = generate(&place.path().join(name), &options).unwrap();
            fs_err::read(&dataset.train[1].path).unwrap()
        };
        assert_eq!(second("one", 1, 2), second("two", 1, 2));
        assert_eq!(second("one", 1, 2), second("more", 1, 3));
        assert_ne!(second("one", 1, 2), second("three", 2, 2));
    }

    #[test]
    fn an_untouched_sample_is_used_again_and_any_other_is_replaced() {
        let (place, mut options) = place();
        let root = place.path().join("pets");
        let dataset = generate(&root, &options).unwrap();
        let picture = &dataset.train[0].path;
        let written = || fs_err::metadata(picture).unwrap().modified().unwrap();

        let before = written();
        generate(&root, &options).unwrap();
        assert_eq!(written(), before);

        fs_err::write(picture, b"broken").unwrap();
        generate(&root, &options).unwrap();
        assert!(fs_err::read(picture).unwrap().len() > 100);

        options.test_images_per_class = 0;
        assert!(generate(&root, &options).unwrap().test.is_empty());
        assert_eq!(names(&place), ["pets"]);
    }

    #[test]
    fn a_folder_of_other_origin_is_left_alone() {
        let (place, options) = place();
        let work = place.path().join("work.txt");
        fs_err::write(&work, b"years").unwrap();
        let error = generate(place.path(), &options).unwrap_err();
        assert!(matches!(error, Error::NotASample { .. }), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(fs_err::read(work).unwrap(), b"years");
        assert_eq!(names(&place), ["work.txt"]);
    }

    #[test]
    fn a_drawing_that_fails_leaves_nothing() {
        let (place, options) = place();
        let draw = |folder: &Path| {
            fs_err::write(folder.join("half.jpg"), b"half")?;
            Err(Error::Fraction { got: 2.0 })
        };
        write(&place.path().join("pets"), &options, draw).unwrap_err();
        assert!(names(&place).is_empty());
    }
}
