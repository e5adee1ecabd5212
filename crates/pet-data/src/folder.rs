//! Folders of class folders.
//!
//! The class folders are either directly in the root, or in `train/` and optionally in `val/` for
//! validation and `test/` for evaluation:
//!
//! ```text
//! root/Cat/one.jpg            root/train/Cat/one.jpg
//! root/Dog/two.png            root/train/Dog/two.png
//!                             root/val/Dog/three.jpg
//!                             root/test/Cat/four.jpg
//! ```
//!
//! Their usual spellings are accepted too, in upper or lower case: `training`, `valid`, `Test images`, `train_set`,
//! `val2017`, `seg_train` and such. A class has the name of its folder; classes are sorted by name (by bytes, upper case
//! first). Images may be at any depth below their class folder. See [`walk`](crate::walk) for what is skipped and which
//! links are followed.

use std::path::{Path, PathBuf};

use crate::layout::{Layout, check_undivided};
use crate::walk::{class_folders, class_name, images};
use crate::{Dataset, Error, LeftOut, Sample};

/// The name of a data set whose folder has no name, such as `..`.
const UNNAMED: &str = "folder";

/// Lists the images below `root` without opening them.
///
/// # Errors
///
/// [`Error::NoFolder`], [`Error::TooFewClasses`] and [`Error::EmptyClass`] for missing folders, classes
/// and images; [`Error::NoTrainFolder`] for `test/` or `val/` without `train/`; [`Error::TwoFolders`] for
/// two spellings of one of them; [`Error::StrayFolder`] for another folder beside them;
/// [`Error::DividedClass`] for `train/` and others inside a class folder; [`Error::UntrainedClass`] for a class that is not
/// in `train/`; [`Error::ClassName`] for an invalid name; [`Error::Io`].
pub fn load(root: &Path) -> Result<Dataset, Error> {
    complete(load_at_least(root, 2)?)
}

/// The same for a check that reports class folders without images, or without training images: they are in
/// [`Dataset::empty`] and [`Dataset::untrained`].
///
/// # Errors
///
/// As [`load`].
pub fn load_to_check(root: &Path) -> Result<Dataset, Error> {
    load_at_least(root, 2)
}

/// The same for images that are only looked at: one class is enough.
///
/// # Errors
///
/// As [`load`].
pub fn load_any(root: &Path) -> Result<Dataset, Error> {
    complete(load_at_least(root, 1)?)
}

/// Rejects a data set with class folders that only a check accepts.
fn complete(dataset: Dataset) -> Result<Dataset, Error> {
    if let Some(path) = dataset.untrained.first() {
        return Err(Error::UntrainedClass { path: path.clone(), class: class_name(path)? });
    }
    match dataset.empty.first() {
        Some(path) => Err(Error::EmptyClass { path: path.clone() }),
        None => Ok(dataset),
    }
}

fn load_at_least(root: &Path, expected: usize) -> Result<Dataset, Error> {
    if !root.is_dir() {
        return Err(Error::NoFolder { root: root.to_owned() });
    }
    let mut left_out = LeftOut::default();
    let layout = Layout::of(root, &mut left_out)?;
    let folders = class_folders(&layout.train, &mut left_out)?;
    if folders.len() < expected {
        return Err(Error::TooFewClasses { root: layout.train, expected, got: folders.len() });
    }
    let name = root.file_name();
    let mut dataset = Dataset {
        name: name.map_or(UNNAMED.into(), |name| name.to_string_lossy().into_owned()),
        root: root.to_owned(),
        classes: folders.iter().map(|path| class_name(path)).collect::<Result<_, _>>()?,
        left_out,
        ..Dataset::default()
    };
    dataset.train = samples(&folders, &mut dataset)?;
    let mut of = |part: Option<PathBuf>| match part {
        Some(folder) => samples(&class_folders(&folder, &mut dataset.left_out)?, &mut dataset),
        None => Ok(Vec::new()),
    };
    (dataset.validation, dataset.test) = (of(layout.validation)?, of(layout.test)?);
    Ok(dataset)
}

/// The images of class folders. Adds to `dataset` what is skipped, and the folders that only a check accepts.
fn samples(class_folders: &[PathBuf], dataset: &mut Dataset) -> Result<Vec<Sample>, Error> {
    let mut samples = Vec::new();
    for folder in class_folders {
        let Ok(class) = dataset.classes.binary_search(&class_name(folder)?) else {
            dataset.untrained.push(folder.clone());
            continue;
        };
        let images = images(folder, &mut dataset.left_out)?;
        check_undivided(folder, &images)?;
        if images.is_empty() {
            dataset.empty.push(folder.clone());
        }
        samples.extend(images.into_iter().map(|path| Sample { path, class }));
    }
    Ok(samples)
}

#[cfg(test)]
pub(crate) mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::walk::tests::tree;

    pub(crate) fn listed(root: &TempDir, samples: &[Sample]) -> Vec<(String, usize)> {
        let relative = |sample: &Sample| {
            let path = sample.path.strip_prefix(root.path()).unwrap();
            (path.to_str().unwrap().replace('\\', "/"), sample.class)
        };
        samples.iter().map(relative).collect()
    }

    pub(crate) fn failure(files: &[&str]) -> (String, Error) {
        let root = tree(files);
        let error = load(root.path()).unwrap_err();
        (error.to_string().replace(root.path().to_str().unwrap(), "ROOT"), error)
    }

    #[test]
    fn class_folders_in_the_root_are_all_for_training() {
        let root = tree(&["Dog/b.jpg", "Dog/a.PNG", "Cat/deep/er/c.webp", "notes.txt"]);
        let dataset = load(root.path()).unwrap();
        assert_eq!(dataset.classes, ["Cat", "Dog"]);
        assert_eq!(
            listed(&root, &dataset.train),
            [("Cat/deep/er/c.webp".into(), 0), ("Dog/a.PNG".into(), 1), ("Dog/b.jpg".into(), 1)]
        );
        assert!(dataset.test.is_empty());
    }

    #[test]
    fn train_and_test_folders_are_kept_apart() {
        let root = tree(&["train/Cat/1.jpg", "train/Dog/2.jpg", "test/Dog/3.jpg"]);
        let dataset = load(root.path()).unwrap();
        assert_eq!(dataset.classes, ["Cat", "Dog"]);
        assert_eq!(dataset.train.len(), 2);
        assert_eq!(listed(&root, &dataset.test), [("test/Dog/3.jpg".into(), 1)]);
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_cannot_be_a_class_is_refused() {
        let (text, error) = failure(&["Cat/1.jpg", "Dog\n/1.jpg"]);
        assert!(text.ends_with("cannot be a class name"), "{text}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn hidden_files_and_files_that_are_no_images_are_left_out() {
        let root = tree(&[
            ".git/HEAD",
            "Cat/._1.jpg",
            "Cat/.cache/2.jpg",
            "Cat/1.jpg",
            "Cat/README.md",
            "Dog/Thumbs.db",
            "Dog/2.jpeg",
            "__MACOSX/Cat/._1.jpg",
            "loose.jpg",
        ]);
        let dataset = load(root.path()).unwrap();
        assert_eq!(
            dataset.left_out.to_string(),
            "2 hidden files or folders, 3 operating system or archive leftovers, \
             1 file that is not an image, 1 image outside the class folders"
        );
        assert_eq!(
            listed(&root, &dataset.train),
            [("Cat/1.jpg".into(), 0), ("Dog/2.jpeg".into(), 1)]
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_linked_class_folder_counts_and_a_loop_ends() {
        let root = tree(&["Cat/1.jpg", ".store/2.jpg"]);
        std::os::unix::fs::symlink(root.path().join(".store"), root.path().join("Dog")).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("Cat/loop")).unwrap();
        std::os::unix::fs::symlink(root.path(), root.path().join("Loop")).unwrap();
        let dataset = load(root.path()).unwrap();
        assert_eq!(
            listed(&root, &dataset.train),
            [("Cat/1.jpg".into(), 0), ("Dog/2.jpg".into(), 1)]
        );
    }

    #[test]
    fn an_empty_class_folder_is_named_and_left_to_a_check() {
        let (text, error) = failure(&["Cat/1.jpg", "Dog/.hidden.jpg"]);
        assert_eq!(text, "class folder `ROOT/Dog` contains no images");
        assert!(error.hint().is_some());
        let files = ["train/Cat/1.jpg", "train/Dog/2.jpg", "test/Cat/notes.txt"];
        assert_eq!(failure(&files).0, "class folder `ROOT/test/Cat` contains no images");
        let root = tree(&files);
        let dataset = load_to_check(root.path()).unwrap();
        assert_eq!(dataset.empty, [root.path().join("test/Cat")]);
        assert_eq!((dataset.train.len(), dataset.test.len()), (2, 0));
    }

    #[test]
    fn fewer_than_two_classes_are_refused() {
        assert_eq!(
            failure(&["Cat/1.jpg"]).0,
            "`ROOT` contains 1 class folder, expected at least 2"
        );
        assert_eq!(
            failure(&["train/Cat/1.jpg", "test/Cat/1.jpg"]).0,
            "`ROOT/train` contains 1 class folder, expected at least 2"
        );
        let (text, error) = failure(&["1.jpg"]);
        assert_eq!(text, "`ROOT` contains 0 class folders, expected at least 2");
        assert!(error.hint().unwrap().contains("the folder above it"));
    }

    #[test]
    fn one_class_is_enough_to_look_at() {
        let root = tree(&["Cat/1.jpg", "Cat/2.jpg"]);
        let dataset = load_any(root.path()).unwrap();
        assert_eq!((dataset.classes.len(), dataset.train.len()), (1, 2));
        let error = load_any(&root.path().join("Cat")).unwrap_err();
        let text = error.to_string();
        assert!(text.ends_with("contains 0 class folders, expected at least 1"), "{text}");
    }

    #[test]
    fn a_class_known_to_test_only_is_refused_and_left_to_a_check() {
        let files = ["train/Cat/1.jpg", "train/Dog/1.jpg", "val/Cat/2.jpg", "test/Fox/1.jpg"];
        let (text, error) = failure(&files);
        assert_eq!(text, "class `Fox` in `ROOT/test/Fox` has no training images");
        assert!(error.hint().is_some());
        let root = tree(&files);
        let dataset = load_to_check(root.path()).unwrap();
        assert_eq!(dataset.untrained, [root.path().join("test/Fox")]);
        assert_eq!(dataset.classes, ["Cat", "Dog"]);
        assert_eq!((dataset.train.len(), dataset.validation.len(), dataset.test.len()), (2, 1, 0));
    }

    #[test]
    fn a_missing_root_is_named() {
        let error = load(Path::new("no/such/folder")).unwrap_err();
        assert_eq!(error.to_string(), "data set folder not found: `no/such/folder`");
    }
}
