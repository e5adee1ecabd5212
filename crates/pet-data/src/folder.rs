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

use crate::part::Part;
use crate::walk::{class_folders, images};
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
    without_empty(load_at_least(root, 2)?)
}

/// The same for a check that reports class folders without images: they are in [`Dataset::empty`].
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
    without_empty(load_at_least(root, 1)?)
}

/// Rejects a data set with an empty class folder.
fn without_empty(dataset: Dataset) -> Result<Dataset, Error> {
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
    let layout = layout(root, &mut left_out)?;
    let folders = class_folders(&layout.train, &mut left_out)?;
    if folders.len() < expected {
        return Err(Error::TooFewClasses { root: layout.train, expected, got: folders.len() });
    }
    let classes: Vec<String> =
        folders.iter().map(|path| class_name(path)).collect::<Result<_, _>>()?;
    let name = root.file_name();
    let mut dataset = Dataset {
        name: name.map_or(UNNAMED.into(), |name| name.to_string_lossy().into_owned()),
        root: root.to_owned(),
        classes,
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

/// Which folders hold the class folders.
struct Layout {
    train: PathBuf,
    validation: Option<PathBuf>,
    test: Option<PathBuf>,
}

fn layout(root: &Path, left_out: &mut LeftOut) -> Result<Layout, Error> {
    let mut outside = LeftOut::default();
    let folders = class_folders(root, &mut outside)?;
    if !is_divided(&folders)? {
        // The root is listed again for its class folders, so skipped entries are counted then.
        return Ok(Layout { train: root.to_owned(), validation: None, test: None });
    }
    left_out.add(&outside);
    let mut parts: [Option<PathBuf>; 3] = [None, None, None];
    for folder in folders {
        let part = Part::ALL.iter().position(|&part| Part::named(&folder) == Some(part));
        match part.and_then(|part| parts.get_mut(part)) {
            None => return Err(Error::StrayFolder { path: folder }),
            Some(Some(first)) => {
                let (first, second) = (first.clone(), folder);
                return Err(Error::TwoFolders { first, second });
            }
            Some(part) => *part = Some(folder),
        }
    }
    let [train, validation, test] = parts;
    let Some(train) = train else {
        let root = root.to_owned();
        return Err(Error::NoTrainFolder { root });
    };
    Ok(Layout { train, validation, test })
}

/// Whether these folders are parts with class folders rather than classes: one with the name of a part has folders, or
/// all have such names, or two mention different parts and have a folder of the same name.
fn is_divided(folders: &[PathBuf]) -> Result<bool, Error> {
    if !folders.is_empty() && folders.iter().all(|path| Part::named(path).is_some()) {
        return Ok(true);
    }
    let mut earlier = Vec::new();
    for folder in folders {
        let (Some(part), other_words) = Part::within(folder) else {
            continue;
        };
        let inner = class_folders(folder, &mut LeftOut::default())?;
        if !other_words && !inner.is_empty() {
            return Ok(true);
        }
        for name in inner.iter().filter_map(|path| path.file_name()) {
            let name = name.to_owned();
            if earlier.iter().any(|(other, known)| *other != part && *known == name) {
                return Ok(true);
            }
            earlier.push((part, name));
        }
    }
    Ok(false)
}

/// Checks that a class folder is not itself divided into parts, whose images would be mixed.
fn check_undivided(class: &Path, images: &[PathBuf]) -> Result<(), Error> {
    // The folder directly in the class folder that an image is in.
    let folder = |image: &'_ PathBuf| {
        let mut above = image.ancestors().skip(1);
        let folder = above.find(|folder| folder.parent() == Some(class))?;
        Some((Part::named(folder)?, folder.to_owned()))
    };
    let mut parts = images.iter().filter_map(folder);
    let Some((part, first)) = parts.next() else {
        return Ok(());
    };
    match parts.find(|(other, _)| *other != part) {
        Some((_, second)) => Err(Error::DividedClass { first, second }),
        None => Ok(()),
    }
}

/// The images of class folders. Adds to `dataset` what is skipped and which folders are empty.
fn samples(class_folders: &[PathBuf], dataset: &mut Dataset) -> Result<Vec<Sample>, Error> {
    let mut samples = Vec::new();
    for folder in class_folders {
        let name = class_name(folder)?;
        let Ok(class) = dataset.classes.binary_search(&name) else {
            return Err(Error::UntrainedClass { path: folder.clone(), class: name });
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

/// The name of a class, if it is valid.
pub(crate) fn class_name(folder: &Path) -> Result<String, Error> {
    let name = folder.file_name().and_then(|name| name.to_str());
    let usable = |name: &&str| !name.trim().is_empty() && !name.contains(char::is_control);
    name.filter(usable)
        .map(str::to_owned)
        .ok_or_else(|| Error::ClassName { path: folder.to_owned() })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::walk::tests::tree;

    fn listed(root: &TempDir, samples: &[Sample]) -> Vec<(String, usize)> {
        let relative = |sample: &Sample| {
            let path = sample.path.strip_prefix(root.path()).unwrap();
            (path.to_str().unwrap().replace('\\', "/"), sample.class)
        };
        samples.iter().map(relative).collect()
    }

    fn failure(files: &[&str]) -> (String, Error) {
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

    #[test]
    fn folders_of_images_may_be_named_train_and_test() {
        let root = tree(&["train/1.jpg", "test/2.jpg", "plane/3.jpg"]);
        assert_eq!(load(root.path()).unwrap().classes, ["plane", "test", "train"]);
    }

    #[test]
    fn parts_are_known_in_every_spelling_and_never_become_classes() {
        for [train, validation, test] in [
            ["Train", "Val", "Test"],
            ["training", "validation", "testing"],
            ["TRAIN", "valid", "TEST"],
            ["train_set", "dev_set", "test_set"],
            ["trainset", "valset", "testset"],
            ["train-images", "Validation Images", "test-images"],
            ["train1", "val1", "test1"],
            ["trn", "val", "tst"],
            ["seg_train", "seg_val", "seg_test"],
            ["train data", "validate", "Test data"],
            ["trainval", "val2017", "test2017"],
        ] {
            let files = [train, validation, test].map(|part| format!("{part}/Dog/1.jpg"));
            let cat = format!("{train}/Cat/1.jpg");
            let root = tree(&[&cat, &files[0], &files[1], &files[2]]);
            let dataset = load(root.path()).unwrap();
            assert_eq!(dataset.classes, ["Cat", "Dog"]);
            assert_eq!(listed(&root, &dataset.validation), [(files[1].clone(), 1)]);
            assert_eq!(listed(&root, &dataset.test), [(files[2].clone(), 1)]);
        }
    }

    #[test]
    fn a_class_with_a_similar_name_is_a_class() {
        let files = ["trainer/2019/1.jpg", "test_pilot/2019/2.jpg", "dog/3.jpg"];
        let dataset = load(tree(&files).path()).unwrap();
        assert_eq!(dataset.classes, ["dog", "test_pilot", "trainer"]);
        let files = ["train_driver/2019/1.jpg", "test_pilot/2020/2.jpg"];
        let dataset = load(tree(&files).path()).unwrap();
        assert_eq!(dataset.classes, ["test_pilot", "train_driver"]);
    }

    #[test]
    fn folders_that_look_like_parts_are_refused() {
        let files = ["pets_train/Cat/1.jpg", "pets_train/Dog/2.jpg", "pets_test/Cat/3.jpg"];
        let (text, error) = failure(&files);
        assert_eq!(
            text,
            "unexpected folder `ROOT/pets_test` in a divided data set: expected only `train`, `val` and `test`"
        );
        assert!(error.hint().is_some());
    }

    #[test]
    fn parts_inside_class_folders_are_refused() {
        for root in ["", "train/", "val/"] {
            let files = ["Cat/train/1.jpg", "Cat/test/2.jpg", "Dog/train/3.jpg"];
            let mut files = files.map(|file| format!("{root}{file}")).to_vec();
            if root == "val/" {
                files.extend(["train/Cat/4.jpg", "train/Dog/5.jpg"].map(str::to_owned));
            }
            let files: Vec<&str> = files.iter().map(String::as_str).collect();
            let (text, error) = failure(&files);
            assert_eq!(
                text,
                format!(
                    "`ROOT/{root}Cat/test` and `ROOT/{root}Cat/train` divide a class, not the data set"
                )
            );
            assert!(error.hint().unwrap().contains("`train/Cat`"));
        }
    }

    #[test]
    fn images_that_lie_in_train_and_test_alone_are_no_classes() {
        assert_eq!(
            failure(&["Train/1.jpg", "Test/2.jpg"]).0,
            "`ROOT/Train` contains 0 class folders, expected at least 2"
        );
    }

    #[test]
    fn a_test_folder_without_a_train_folder_is_refused() {
        let (text, error) = failure(&["Test/Cat/1.jpg", "Test/Dog/1.jpg"]);
        assert_eq!(text, "`ROOT` has folders for evaluation, but no `train`");
        assert!(error.hint().is_some());
    }

    #[cfg(not(any(windows, target_os = "macos")))]
    #[test]
    fn a_part_in_two_spellings_is_refused() {
        let (text, _) = failure(&["train/Cat/1.jpg", "training/Dog/1.jpg"]);
        assert_eq!(text, "`ROOT/train` and `ROOT/training` mean the same split");
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
    fn a_class_known_to_test_only_is_refused() {
        let (text, _) = failure(&["train/Cat/1.jpg", "train/Dog/1.jpg", "test/Fox/1.jpg"]);
        assert_eq!(text, "class `Fox` in `ROOT/test/Fox` has no training images");
    }

    #[test]
    fn a_folder_beside_train_and_test_is_refused() {
        let (text, error) = failure(&["train/Cat/1.jpg", "train/Dog/1.jpg", "new/Cat/1.jpg"]);
        assert!(text.starts_with("unexpected folder `ROOT/new` in a divided data set"), "{text}");
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_missing_root_is_named() {
        let error = load(Path::new("no/such/folder")).unwrap_err();
        assert_eq!(error.to_string(), "data set folder not found: `no/such/folder`");
    }
}
