//! Generated images, real photographs and the breeds they show.

use std::path::{Path, PathBuf};

use pet_data::Dataset;
use pet_data::sample::{Options, generate};
use pet_image::{Format, RgbImage, encode_rgb};

use crate::{root, skipped};

/// A PNG that claims 40,000×40,000 pixels, which would take 4.8 GB, and has only a few.
pub const HUGE_PNG: &[u8] = b"\x89PNG\r\n\x1a\n\
    \0\0\0\rIHDR\0\0\x9c\x40\0\0\x9c\x40\x08\x02\0\0\0\xde\x6e\x99\x52\
    \x00\x00\x00\x0bIDAT\x78\x9c\x63\x60\xc0\x07\x00\x00\x1e\x00\x01\xf6\xfd\xe9\x96\
    \x00\x00\x00\x00IEND\xae\x42\x60\x82";

/// An image file with a gradient of red and green.
pub fn gradient(width: u32, height: u32, format: Format) -> Vec<u8> {
    let level = |at: u32, extent: u32| (at * 255 / extent.max(1)) as u8;
    let image =
        RgbImage::from_fn(width, height, |x, y| [level(x, width), level(y, height), 90].into());
    encode_rgb(&image, format).unwrap()
}

/// The first half of a JPEG file.
pub fn truncated_jpeg() -> Vec<u8> {
    let mut bytes = gradient(200, 200, Format::Jpeg);
    bytes.truncate(bytes.len() / 2);
    bytes
}

/// Generates a data set of cartoon animals: six classes with this many small training images each, and one test image.
pub fn small_data_set(folder: &Path, images_per_class: usize) -> Dataset {
    let options = Options {
        images_per_class,
        test_images_per_class: 1,
        image_size: 64,
        ..Options::default()
    };
    generate(folder, &options).unwrap()
}

/// The files of `count` (at most twelve) different cartoon animals.
pub fn sample_pictures(count: usize) -> Vec<Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    let dataset = small_data_set(&place.path().join("sample"), 1);
    let files = dataset.samples().take(count);
    files.map(|sample| fs_err::read(&sample.path).unwrap()).collect()
}

/// The folder of real photographs: `PET_SHARED_DATA`, by default beside the workspace.
pub fn shared_data() -> PathBuf {
    let named = std::env::var_os("PET_SHARED_DATA");
    named.map_or_else(|| root().join("../shared/data"), PathBuf::from)
}

/// The photographs at their original size, sorted; their names contain the breed.
pub fn photographs() -> Option<Vec<PathBuf>> {
    let folder = shared_data().join("originals");
    let entries = fs_err::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    files.sort();
    if files.is_empty() {
        skipped(format_args!("no photographs at {}", folder.display()));
        return None;
    }
    Some(files)
}

/// The breed that a file of the Oxford-IIIT Pet data set shows: `american_bulldog_146.jpg` an
/// `American Bulldog`.
pub fn breed_of(photograph: &Path) -> String {
    let name = photograph.file_stem().unwrap_or_default().to_string_lossy();
    let breed = name.rsplit_once('_').map_or(name.as_ref(), |(breed, _)| breed);
    let words = breed.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        format!("{}{}", first.to_uppercase(), rest.to_lowercase())
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_become_torchvision_classes() {
        assert_eq!(breed_of(Path::new("/a/american_bulldog_146.jpg")), "American Bulldog");
        assert_eq!(breed_of(Path::new("Maine_Coon_1.jpg")), "Maine Coon");
        assert_eq!(breed_of(Path::new("pug_9.jpg")), "Pug");
    }
}
