//! Duplicate images that affect the split of a data set: among training and validation images, and among added images.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};

use pet_data::picture::{Duplicates, Fingerprint, fingerprints};
use pet_data::{Dataset, Progress, Sample, Split, UnreadableImage};
use pet_image::Limits;
use pet_model::{read_json, write_json};
use pet_train::Interrupt;

use crate::error::Error;

/// Incremented whenever the search changes, to invalidate cached results.
const FORMAT: u32 = 1;

/// Groups of training and validation images that are copies or show the same moment.
#[derive(Clone, Debug, Default)]
pub struct DuplicateImages {
    groups: Vec<Vec<PathBuf>>,
}

/// Validation images with duplicates among the training images, which make a model look better than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// Number of these images.
    pub images: usize,
    /// Number of all validation images.
    pub validated: usize,
    /// One of these images.
    pub example: PathBuf,
    /// Its duplicate among the training images.
    pub trained: PathBuf,
}

impl DuplicateImages {
    /// Finds duplicates, or reads the earlier result for a data set with this digest from `cache`. Ignores images that
    /// cannot be read.
    ///
    /// # Errors
    ///
    /// When it is interrupted, or the cache cannot be written.
    pub fn find(
        dataset: &Dataset,
        digest: &str,
        cache: &Path,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let name: String = digest.chars().take(24).collect();
        let file = cache.join(format!("same-pictures/{FORMAT}-{name}{}.json", suffix(limits)));
        let mut groups: Vec<Vec<PathBuf>> = match read_json(&file) {
            Ok(groups) => groups,
            Err(_) => search(dataset, &file, limits, interrupt, progress)?,
        };
        for path in groups.iter_mut().flatten() {
            *path = dataset.root.join(&path);
        }
        Ok(Self { groups })
    }

    /// The paths of the images of each group.
    pub fn groups(&self) -> &[Vec<PathBuf>] {
        &self.groups
    }

    /// The validation images of a split that have duplicates among its training images.
    pub fn leak(&self, split: &Split) -> Option<Leak> {
        fn paths(samples: &[Sample]) -> HashSet<&Path> {
            samples.iter().map(|sample| sample.path.as_path()).collect()
        }
        let (train, validation) = (paths(&split.train), paths(&split.validation));
        let mut leaks = Vec::new();
        for group in &self.groups {
            let trained = group.iter().find(|path| train.contains(path.as_path()));
            let validated = group.iter().filter(|path| validation.contains(path.as_path()));
            leaks.extend(validated.filter_map(|path| Some((path, trained?))));
        }
        let (example, trained) = leaks.first()?;
        Some(Leak {
            images: leaks.len(),
            validated: validation.len(),
            example: (*example).clone(),
            trained: (*trained).clone(),
        })
    }
}

/// Part of the file name for non-default limits, which change which images can be read.
fn suffix(limits: &Limits) -> String {
    if *limits == Limits::default() {
        return String::new();
    }
    format!("-{}-{}", limits.bytes, limits.pixels)
}

/// Finds the groups, with paths relative to the data set's folder, and writes them to a file.
fn search(
    dataset: &Dataset,
    file: &Path,
    limits: &Limits,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<Vec<Vec<PathBuf>>, Error> {
    let samples: Vec<&Sample> = dataset.train.iter().chain(&dataset.validation).collect();
    let stop = || interrupt.check().is_err();
    let read = fingerprints(&samples, limits, progress, &stop)?;
    let readable = samples.into_iter().zip(&read);
    let readable: Vec<(&Sample, &Fingerprint)> =
        readable.filter_map(|(sample, read)| Some((sample, read.as_ref().ok()?))).collect();
    let prints: Vec<&Fingerprint> = readable.iter().map(|(_, print)| *print).collect();
    let together = Duplicates::find(&prints, progress, &stop)?.together(prints.len());
    let path = |index: &usize| {
        let path = &readable[*index].0.path;
        path.strip_prefix(&dataset.root).unwrap_or(path).to_owned()
    };
    let groups: Vec<Vec<PathBuf>> =
        together.iter().map(|group| group.iter().map(path).collect()).collect();
    // Paths that are not Unicode cannot be cached.
    if groups.iter().flatten().all(|path| path.to_str().is_some()) {
        write_json(file, &groups)?;
    }
    Ok(groups)
}

/// [Added](Dataset::adding) images that are excluded from training.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExcludedImages {
    /// Copies of validation or test images.
    pub copies: Vec<CopiedImage>,
    /// Images that cannot be read.
    pub unreadable: Vec<UnreadableImage>,
}

/// An added image that is a copy of a validation or test image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedImage {
    /// The added image.
    pub path: PathBuf,
    /// The validation or test image.
    pub of: PathBuf,
}

impl ExcludedImages {
    /// Checks all added images. With `identical`, only identical images count as copies, not similar ones.
    pub(crate) fn find(
        dataset: &Dataset,
        splits: &[Split],
        identical: bool,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let mut excluded = Self::default();
        if dataset.added.is_empty() {
            return Ok(excluded);
        }
        let held_out = splits.iter().flat_map(|split| &split.validation).chain(&dataset.test);
        let samples: Vec<&Sample> = dataset.added.iter().chain(held_out).collect();
        let stop = || interrupt.check().is_err();
        let read = fingerprints(&samples, limits, progress, &stop)?;
        let mut known: Vec<(usize, &Fingerprint)> = Vec::new();
        for (index, read) in read.iter().enumerate() {
            match read {
                Ok(print) => known.push((index, print)),
                Err(reason) if index < dataset.added.len() => {
                    excluded.unreadable.push(UnreadableImage {
                        path: samples[index].path.clone(),
                        reason: reason.reason(),
                    });
                }
                // Evaluation reports unreadable images.
                Err(_) => {}
            }
        }
        let prints: Vec<&Fingerprint> = known.iter().map(|(_, print)| *print).collect();
        let found = Duplicates::find(&prints, progress, &stop)?;
        let groups = if identical { found.exact } else { found.together(prints.len()) };
        for group in groups {
            let members = group.iter().map(|&index| known[index].0);
            let (added, held_out): (Vec<usize>, Vec<usize>) =
                members.partition(|&index| index < dataset.added.len());
            let Some(&of) = held_out.first() else { continue };
            let path = |index: usize| samples[index].path.clone();
            let copies =
                added.into_iter().map(|index| CopiedImage { path: path(index), of: path(of) });
            excluded.copies.extend(copies);
        }
        Ok(excluded)
    }

    /// Whether no image is excluded.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.unreadable.is_empty()
    }

    /// Removes them from the data set.
    pub(crate) fn remove_from(&self, dataset: &mut Dataset) {
        let copies = self.copies.iter().map(|copy| &copy.path);
        let unreadable = self.unreadable.iter().map(|image| &image.path);
        let excluded: HashSet<_> = copies.chain(unreadable).collect();
        dataset.added.retain(|sample| !excluded.contains(&sample.path));
    }
}

impl fmt::Display for ExcludedImages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CopiedImage { path, of }) = self.copies.first() {
            let (count, path, of) = (self.copies.len(), path.display(), of.display());
            write!(
                formatter,
                "added images that show a validation or test image were left out: {count}, such as `{path}`, \
                 which shows the same as `{of}`"
            )?;
        }
        if let Some(image) = self.unreadable.first() {
            let count = self.unreadable.len();
            let separator = if self.copies.is_empty() { "" } else { "; " };
            write!(
                formatter,
                "{separator}added images that cannot be read were left out: {count}, such as {image}"
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn duplicates(groups: &[&[&str]]) -> DuplicateImages {
        let group = |paths: &&[&str]| paths.iter().map(PathBuf::from).collect();
        let groups = groups.iter().map(group).collect();
        DuplicateImages { groups }
    }

    fn split(train: &[&str], validation: &[&str]) -> Split {
        let samples = |paths: &[&str]| -> Vec<Sample> {
            let sample = |path: &&str| Sample { path: path.into(), class: 0 };
            paths.iter().map(sample).collect()
        };
        Split { train: samples(train), validation: samples(validation) }
    }

    #[test]
    fn only_groups_in_both_splits_leak() {
        let split = split(&["a", "b", "c"], &["d", "e", "f", "g"]);
        assert_eq!(duplicates(&[&["a", "b"], &["d", "e"], &["x", "f"]]).leak(&split), None);
        let leak = duplicates(&[&["a", "b"], &["d", "c", "e"], &["a", "g"]]).leak(&split);
        let expected = Leak { images: 3, validated: 4, example: "d".into(), trained: "c".into() };
        assert_eq!(leak, Some(expected));
    }

    #[test]
    fn results_are_cached_for_the_same_data_and_limits() {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().join("pets");
        let options = pet_data::sample::Options {
            images_per_class: 2,
            test_images_per_class: 0,
            ..Default::default()
        };
        let dataset = pet_data::sample::generate(&root, &options).unwrap();
        let picture = &dataset.train[0].path;
        fs_err::copy(picture, root.join("train/Siamese Cat/copy.jpg")).unwrap();
        let dataset = pet_data::folder::load(&root).unwrap();
        let find = |digest: &str, pixels: u64| {
            let (cache, stop) = (place.path().join("cache"), Interrupt::default());
            let limits = Limits::default().with_pixels(pixels);
            DuplicateImages::find(&dataset, digest, &cache, &limits, &stop, &pet_data::Silent)
                .unwrap()
        };
        let usual = Limits::default().pixels;
        let found = find("one", usual);
        let copied = found.groups().iter().any(|group| group.contains(picture));
        assert!(copied, "{found:?}");
        fs_err::remove_dir_all(&root).unwrap();
        assert_eq!(find("one", usual).groups(), found.groups());
        for (digest, pixels) in [("other", usual), ("one", usual + 1)] {
            let searched = find(digest, pixels);
            assert!(searched.groups().is_empty(), "no image can be read");
        }
    }
}
