//! Oxford-IIIT Pet: 37 breeds of cats and dogs (Parkhi et al., "Cats and Dogs", CVPR 2012).
//!
//! The layout is torchvision's: `images/NAME_NUMBER.jpg`, with `annotations/trainval.txt` and
//! `annotations/test.txt` listing the images and their classes. Other files of the official archives are
//! ignored. A few images are not JPEG in spite of their name, so formats are detected by content.

mod annotation;
#[cfg(feature = "download")]
mod download;
#[cfg(feature = "download")]
mod transfer;
#[cfg(feature = "download")]
mod unpack;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use annotation::Annotation;
#[cfg(feature = "download")]
pub use download::{Archive, Source, download, download_from};
#[cfg(feature = "download")]
pub use unpack::UnpackLimits;

use crate::{Dataset, Error, Sample};

/// The data set's name, which is also torchvision's folder.
pub const NAME: &str = "oxford-iiit-pet";

const TRAINVAL: &str = "annotations/trainval.txt";
const TEST: &str = "annotations/test.txt";
const IMAGES: &str = "images";

/// Reads the annotations below `root`, the folder with `images` and `annotations`.
///
/// Samples are in the order of the lists. `trainval.txt` becomes [`Dataset::train`] and must have at
/// least one image of every class; `test.txt` becomes [`Dataset::test`] and may be empty. Images are not
/// opened, but must exist.
///
/// # Errors
///
/// [`Error::NoFolder`] and [`Error::Layout`] for missing folders and files; [`Error::Annotation`] for an
/// invalid line, an image listed twice, or a class id with two names; [`Error::ClassGap`];
/// [`Error::MissingImages`] with all missing images; [`Error::Io`].
pub fn load(root: &Path) -> Result<Dataset, Error> {
    check_layout(root)?;
    let lists = [root.join(TRAINVAL), root.join(TEST)];
    let trainval = annotation::read(&lists[0])?;
    let test = annotation::read(&lists[1])?;

    let classes = class_list(&trainval, &lists[0])?;
    check_classes(&test, &classes, &lists[1])?;
    check_unique([(&trainval, &lists[0]), (&test, &lists[1])])?;

    let samples =
        |annotations: &[Annotation]| annotations.iter().map(|a| sample(root, a)).collect();
    let dataset = Dataset {
        name: NAME.to_owned(),
        root: root.to_owned(),
        classes,
        train: samples(&trainval),
        test: samples(&test),
        ..Dataset::default()
    };
    check_present(&dataset)?;
    Ok(dataset)
}

/// The 37 breeds, named and ordered as torchvision's `OxfordIIITPet.classes`.
///
/// [`load`] derives the names from the annotations; this list needs no data set.
pub fn class_names() -> [&'static str; 37] {
    [
        "Abyssinian",
        "American Bulldog",
        "American Pit Bull Terrier",
        "Basset Hound",
        "Beagle",
        "Bengal",
        "Birman",
        "Bombay",
        "Boxer",
        "British Shorthair",
        "Chihuahua",
        "Egyptian Mau",
        "English Cocker Spaniel",
        "English Setter",
        "German Shorthaired",
        "Great Pyrenees",
        "Havanese",
        "Japanese Chin",
        "Keeshond",
        "Leonberger",
        "Maine Coon",
        "Miniature Pinscher",
        "Newfoundland",
        "Persian",
        "Pomeranian",
        "Pug",
        "Ragdoll",
        "Russian Blue",
        "Saint Bernard",
        "Samoyed",
        "Scottish Terrier",
        "Shiba Inu",
        "Siamese",
        "Sphynx",
        "Staffordshire Bull Terrier",
        "Wheaten Terrier",
        "Yorkshire Terrier",
    ]
}

fn sample(root: &Path, annotation: &Annotation) -> Sample {
    let path = root.join(IMAGES).join(format!("{}.jpg", annotation.image));
    Sample { path, class: annotation.class_id - 1 }
}

fn check_layout(root: &Path) -> Result<(), Error> {
    if !root.is_dir() {
        return Err(Error::NoFolder { root: root.to_owned() });
    }
    for expected in [TRAINVAL, TEST, IMAGES] {
        if !root.join(expected).exists() {
            let nested = Some(root.join(NAME)).filter(|nested| nested.join(expected).exists());
            return Err(Error::Layout { root: root.to_owned(), expected: expected.into(), nested });
        }
    }
    Ok(())
}

/// The class names in the order of their ids, which must start at 1 without gaps.
fn class_list(annotations: &[Annotation], path: &Path) -> Result<Vec<String>, Error> {
    let highest = annotations.iter().map(|annotation| annotation.class_id).max();
    let highest = highest.ok_or_else(|| Error::NoAnnotations { path: path.to_owned() })?;

    let mut names = vec![String::new(); highest];
    for annotation in annotations {
        if let Some(name) = names.get_mut(annotation.class_id - 1).filter(|name| name.is_empty()) {
            *name = annotation.class_name();
        }
    }
    if let Some(gap) = names.iter().position(String::is_empty) {
        return Err(Error::ClassGap { path: path.to_owned(), missing: gap + 1, highest });
    }
    check_classes(annotations, &names, path)?;
    Ok(names)
}

/// Checks that every line names the class of its id.
fn check_classes(annotations: &[Annotation], classes: &[String], path: &Path) -> Result<(), Error> {
    for annotation in annotations {
        let name = annotation.class_name();
        let expected = match classes.get(annotation.class_id - 1) {
            Some(class) if *class == name => continue,
            Some(class) => format!("class id {} to be `{class}`", annotation.class_id),
            None => format!("a class id of `{TRAINVAL}`, which ends at {}", classes.len()),
        };
        let got = format!("{} {}", annotation.image, annotation.class_id);
        return Err(Error::Annotation {
            path: path.to_owned(),
            line: annotation.line,
            expected,
            got,
        });
    }
    Ok(())
}

/// Checks that no image is listed twice, in particular for training and for evaluation.
fn check_unique(lists: [(&Vec<Annotation>, &PathBuf); 2]) -> Result<(), Error> {
    let mut seen: HashMap<&str, (&Path, usize)> = HashMap::new();
    for (annotations, path) in lists {
        for annotation in annotations {
            if let Some((first, line)) = seen.insert(&annotation.image, (path, annotation.line)) {
                return Err(Error::Annotation {
                    path: path.clone(),
                    line: annotation.line,
                    expected: format!("an image not yet in `{}` line {line}", first.display()),
                    got: annotation.image.clone(),
                });
            }
        }
    }
    Ok(())
}

fn check_present(dataset: &Dataset) -> Result<(), Error> {
    let paths = dataset.samples().map(|sample| &sample.path);
    let images: Vec<PathBuf> = paths.filter(|path| !path.is_file()).cloned().collect();
    if images.is_empty() {
        return Ok(());
    }
    Err(Error::MissingImages {
        path: dataset.root.join("annotations"),
        total: dataset.samples().count(),
        images,
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const TRAINVAL_LINES: &str = "Abyssinian_1 1 1 1\nbeagle_3 2 2 1\nAbyssinian_2 1 1 1\n";

    /// A data set with these lists, and every image they name as an empty file.
    fn data_set(trainval: &str, test: &str) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for folder in ["annotations", "images"] {
            fs_err::create_dir_all(root.path().join(folder)).unwrap();
        }
        fs_err::write(root.path().join(TRAINVAL), trainval).unwrap();
        fs_err::write(root.path().join(TEST), test).unwrap();
        for line in trainval.lines().chain(test.lines()) {
            let image = line.split(' ').next().unwrap();
            fs_err::write(root.path().join(IMAGES).join(format!("{image}.jpg")), b"").unwrap();
        }
        root
    }

    fn failure(root: &TempDir) -> String {
        let text = load(root.path()).unwrap_err().to_string();
        text.replace(root.path().to_str().unwrap(), "ROOT")
    }

    #[test]
    fn lists_become_samples_in_their_order() {
        let root = data_set(TRAINVAL_LINES, "beagle_9 2 2 1\n");
        let dataset = load(root.path()).unwrap();
        assert_eq!(dataset.name, "oxford-iiit-pet");
        assert_eq!(dataset.classes, ["Abyssinian", "Beagle"]);
        let classes: Vec<usize> = dataset.train.iter().map(|sample| sample.class).collect();
        assert_eq!(classes, [0, 1, 0]);
        assert_eq!(dataset.test.len(), 1);
        assert_eq!(dataset.test[0].path, root.path().join("images/beagle_9.jpg"));
    }

    #[test]
    fn only_the_lists_count() {
        let root = data_set(TRAINVAL_LINES, "");
        fs_err::write(root.path().join("images/._Abyssinian_1.jpg"), b"x").unwrap();
        fs_err::write(root.path().join("images/Abyssinian_7.mat"), b"x").unwrap();
        assert_eq!(load(root.path()).unwrap().samples().count(), 3);
    }

    #[test]
    fn missing_images_are_named_all_at_once() {
        let root = data_set(TRAINVAL_LINES, "beagle_9 2 2 1\n");
        for image in ["Abyssinian_2", "beagle_9"] {
            fs_err::remove_file(root.path().join(IMAGES).join(format!("{image}.jpg"))).unwrap();
        }
        assert_eq!(
            failure(&root),
            "2 of 4 images named in `ROOT/annotations` are missing: \
             `ROOT/images/Abyssinian_2.jpg`, `ROOT/images/beagle_9.jpg`"
        );
    }

    #[test]
    fn an_image_for_training_and_evaluation_is_refused() {
        let root = data_set(TRAINVAL_LINES, "beagle_9 2 2 1\nbeagle_3 2 2 1\n");
        assert_eq!(
            failure(&root),
            "`ROOT/annotations/test.txt` line 2: expected an image not yet in \
             `ROOT/annotations/trainval.txt` line 2, got `beagle_3`"
        );
    }

    #[test]
    fn a_class_id_has_one_name() {
        let root = data_set("Abyssinian_1 1 1 1\nbeagle_3 2 2 1\npug_1 2 2 1\n", "");
        assert_eq!(
            failure(&root),
            "`ROOT/annotations/trainval.txt` line 3: expected class id 2 to be `Beagle`, \
             got `pug_1 2`"
        );
    }

    #[test]
    fn a_class_without_training_images_is_refused() {
        let root = data_set("Abyssinian_1 1 1 1\npug_1 3 2 1\n", "");
        assert_eq!(
            failure(&root),
            "`ROOT/annotations/trainval.txt` lists no image of class id 2, but goes up to 3"
        );
        let root = data_set(TRAINVAL_LINES, "pug_1 3 2 1\n");
        assert!(failure(&root).contains("test.txt` line 1: expected a class id of"));
    }

    #[test]
    fn an_empty_training_list_is_refused() {
        let root = data_set("", "Abyssinian_1 1 1 1\n");
        assert_eq!(failure(&root), "`ROOT/annotations/trainval.txt` lists no images");
    }

    #[test]
    fn the_folder_above_gets_a_hint() {
        let root = data_set(TRAINVAL_LINES, "");
        let above = tempfile::tempdir().unwrap();
        fs_err::rename(root.path(), above.path().join(NAME)).unwrap();
        let error = load(above.path()).unwrap_err();
        assert!(error.to_string().ends_with("has no `annotations/trainval.txt`"), "{error}");
        assert!(error.hint().unwrap().contains("oxford-iiit-pet"));
    }

    #[test]
    fn a_list_that_is_not_text_is_named() {
        let root = data_set(TRAINVAL_LINES, "");
        fs_err::write(root.path().join(TEST), [0xff, 0xfe, 0]).unwrap();
        assert!(failure(&root).contains("test.txt` line 1: expected"), "{}", failure(&root));
    }

    #[test]
    fn the_real_lists_give_the_classes_of_torchvision() {
        let shared = std::env::var_os("PET_SHARED_DATA").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
            PathBuf::from,
        );
        let root = shared.join(NAME);
        if !root.is_dir() {
            #[expect(clippy::print_stderr, reason = "a skipped test says so")]
            {
                eprintln!(
                    "skipped: the_real_lists_give_the_classes_of_torchvision: \
                     no photographs at {}",
                    root.display()
                );
            }
            return;
        }
        let dataset = load(&root).unwrap();
        assert_eq!(dataset.classes, class_names());
        assert_eq!(dataset.train.len(), 3680);
    }
}
