//! Where a data set has its class folders: in the root, or in folders for training, validation and evaluation.

use std::path::{Path, PathBuf};

use crate::walk::class_folders;
use crate::{Error, LeftOut};

/// Which folders hold the class folders.
pub(crate) struct Layout {
    pub(crate) train: PathBuf,
    pub(crate) validation: Option<PathBuf>,
    pub(crate) test: Option<PathBuf>,
}

impl Layout {
    /// The layout of the data set in `root`.
    pub(crate) fn of(root: &Path, left_out: &mut LeftOut) -> Result<Self, Error> {
        let mut outside = LeftOut::default();
        let folders = class_folders(root, &mut outside)?;
        if !is_divided(&folders)? {
            // The root is listed again for its class folders, so skipped entries are counted then.
            return Ok(Self { train: root.to_owned(), validation: None, test: None });
        }
        left_out.add(&outside);
        let (mut train, mut validation, mut test) = (None, None, None);
        for path in folders {
            let place = match Part::named(&path) {
                Some(Part::Train) => &mut train,
                Some(Part::Validation) => &mut validation,
                Some(Part::Test) => &mut test,
                None => return Err(Error::StrayFolder { path }),
            };
            if let Some(first) = place.replace(path.clone()) {
                return Err(Error::TwoFolders { first, second: path });
            }
        }
        let train = train.ok_or_else(|| Error::NoTrainFolder { root: root.to_owned() })?;
        Ok(Self { train, validation, test })
    }
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
pub(crate) fn check_undivided(class: &Path, images: &[PathBuf]) -> Result<(), Error> {
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

/// A part of a divided data set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    /// The part that a folder with this name is.
    fn named(folder: &Path) -> Option<Self> {
        let (part, other_words) = Self::within(folder);
        part.filter(|_| !other_words)
    }

    /// The part that is mentioned in the name of a folder, and whether the name has other words than those that are usual
    /// in the name of a part.
    fn within(folder: &Path) -> (Option<Self>, bool) {
        let name = folder.file_name().and_then(|name| name.to_str());
        let name = name.unwrap_or_default().to_lowercase();
        let (mut part, mut other_words) = (None, false);
        // Numbers, as in `val2017`, only separate words.
        for word in name.split(|letter: char| !letter.is_alphabetic()) {
            match Self::word(word) {
                Some(found) if part.is_none() => part = Some(found),
                None if word.is_empty() || COMPANIONS.contains(&word) => {}
                _ => other_words = true,
            }
        }
        (part, other_words)
    }

    fn word(word: &str) -> Option<Self> {
        let companion = COMPANIONS.iter().find_map(|end| word.strip_suffix(end));
        match companion.unwrap_or(word) {
            "train" | "training" | "trn" | "trainval" => Some(Self::Train),
            "val" | "valid" | "validation" | "validate" | "dev" => Some(Self::Validation),
            "test" | "testing" | "tst" => Some(Self::Test),
            _ => None,
        }
    }
}

/// Words beside `train`, `val` or `test` in the names of such folders.
const COMPANIONS: [&str; 12] = [
    "set", "sets", "dataset", "data", "images", "image", "imgs", "img", "photos", "pictures",
    "split", "seg",
];

#[cfg(test)]
mod tests {
    use crate::folder::load;
    use crate::folder::tests::{failure, listed};
    use crate::walk::tests::tree;

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

    #[test]
    fn a_folder_beside_train_and_test_is_refused() {
        let (text, error) = failure(&["train/Cat/1.jpg", "train/Dog/1.jpg", "new/Cat/1.jpg"]);
        assert!(text.starts_with("unexpected folder `ROOT/new` in a divided data set"), "{text}");
        assert!(error.hint().is_some());
    }
}
