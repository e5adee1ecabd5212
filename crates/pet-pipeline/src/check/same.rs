//! Pictures that show the same, for those who divide a data set.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use pet_data::picture::{Duplicates, Fingerprint, fingerprints};
use pet_data::{Dataset, Progress, Sample, Split};
use pet_image::Limits;
use pet_model::{read_json, write_json};
use pet_train::Interrupt;

use crate::error::Error;

/// Raised when other pictures are found than before.
const FORMAT: u32 = 1;

/// Groups of pictures, among those to train and to validate on, that are copies or show the same moment.
#[derive(Clone, Debug, Default)]
pub struct SamePictures {
    groups: Vec<Vec<PathBuf>>,
}

/// Validation pictures that say too much good of a model, since it was trained on the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// How many there are.
    pub images: usize,
    /// Among how many.
    pub validated: usize,
    /// One of them.
    pub example: PathBuf,
    /// What it shows is trained on in this one.
    pub trained: PathBuf,
}

impl SamePictures {
    /// Finds them, or reads from `cache` what was found before in a data set with this digest. Pictures that cannot be
    /// read are left to those who need them.
    ///
    /// # Errors
    ///
    /// When the work was asked to stop, or the cache cannot be written.
    pub fn find(
        dataset: &Dataset,
        digest: &str,
        cache: &Path,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let name: String = digest.chars().take(24).collect();
        let file = cache.join(format!(
            "same-pictures/{FORMAT}-{name}{}.json",
            suffix(limits)
        ));
        let known: Option<Vec<Vec<PathBuf>>> = read_json(&file).ok();
        let groups = if let Some(groups) = known {
            groups
        } else {
            let groups = search(dataset, limits, interrupt, progress)?;
            // Names that are no text are searched for again each time.
            if groups.iter().flatten().all(|path| path.to_str().is_some()) {
                write_json(&file, &groups)?;
            }
            groups
        };
        let whole = |path: PathBuf| dataset.root.join(path);
        let groups = groups.into_iter();
        let groups = groups.map(|group| group.into_iter().map(whole).collect());
        Ok(Self {
            groups: groups.collect(),
        })
    }

    /// Their whole paths.
    pub fn groups(&self) -> &[Vec<PathBuf>] {
        &self.groups
    }

    /// The validation pictures that show what is trained on, if there are any.
    pub fn leak(&self, split: &Split) -> Option<Leak> {
        fn paths(samples: &[Sample]) -> HashSet<&Path> {
            samples.iter().map(|sample| sample.path.as_path()).collect()
        }
        let (train, validation) = (paths(&split.train), paths(&split.validation));
        let mut leaks = Vec::new();
        for group in &self.groups {
            let trained = group.iter().find(|path| train.contains(path.as_path()));
            let validated = group
                .iter()
                .filter(|path| validation.contains(path.as_path()));
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

/// What limits other than the usual ones add to a file's name: other pictures can be read with them.
fn suffix(limits: &Limits) -> String {
    if *limits == Limits::default() {
        return String::new();
    }
    format!("-{}-{}", limits.bytes, limits.pixels)
}

/// The groups, by their paths below the data set's folder.
fn search(
    dataset: &Dataset,
    limits: &Limits,
    interrupt: &Interrupt,
    progress: &dyn Progress,
) -> Result<Vec<Vec<PathBuf>>, Error> {
    let samples: Vec<&Sample> = dataset.train.iter().chain(&dataset.validation).collect();
    let stop = || interrupt.check().is_err();
    let read = fingerprints(&samples, limits, progress, &stop)?;
    let readable = samples.into_iter().zip(&read);
    let readable: Vec<(&Sample, &Fingerprint)> = readable
        .filter_map(|(sample, read)| Some((sample, read.as_ref().ok()?)))
        .collect();
    let prints: Vec<&Fingerprint> = readable.iter().map(|(_, print)| *print).collect();
    let together = Duplicates::find(&prints, progress, &stop)?.together(prints.len());
    let path = |index: &usize| {
        let path = &readable[*index].0.path;
        path.strip_prefix(&dataset.root).unwrap_or(path).to_owned()
    };
    let groups = together.iter();
    Ok(groups
        .map(|group| group.iter().map(path).collect())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(groups: &[&[&str]]) -> SamePictures {
        let group = |paths: &&[&str]| paths.iter().map(PathBuf::from).collect();
        let groups = groups.iter().map(group).collect();
        SamePictures { groups }
    }

    fn split(train: &[&str], validation: &[&str]) -> Split {
        let samples = |paths: &[&str]| -> Vec<Sample> {
            let sample = |path: &&str| Sample {
                path: path.into(),
                class: 0,
            };
            paths.iter().map(sample).collect()
        };
        Split {
            train: samples(train),
            validation: samples(validation),
        }
    }

    #[test]
    fn only_groups_on_both_sides_leak() {
        let split = split(&["a", "b", "c"], &["d", "e", "f", "g"]);
        assert_eq!(
            same(&[&["a", "b"], &["d", "e"], &["x", "f"]]).leak(&split),
            None
        );
        let leak = same(&[&["a", "b"], &["d", "c", "e"], &["a", "g"]]).leak(&split);
        let expected = Leak {
            images: 3,
            validated: 4,
            example: "d".into(),
            trained: "c".into(),
        };
        assert_eq!(leak, Some(expected));
    }

    #[test]
    fn what_was_found_is_kept_for_the_same_data() {
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
            SamePictures::find(&dataset, digest, &cache, &limits, &stop, &pet_data::Silent).unwrap()
        };
        let usual = Limits::default().pixels;
        let found = find("one", usual);
        let copied = found.groups().iter().any(|group| group.contains(picture));
        assert!(copied, "{found:?}");
        fs_err::remove_dir_all(&root).unwrap();
        assert_eq!(find("one", usual).groups(), found.groups());
        for (digest, pixels) in [("other", usual), ("one", usual + 1)] {
            let searched = find(digest, pixels);
            assert!(searched.groups().is_empty(), "no picture can be read");
        }
    }
}
