//! Any folder of class folders.
//!
//! Either the class folders stand directly in the root, or in `train/` and, if there are images
//! kept for evaluation, in `test/`:
//!
//! ```text
//! root/Cat/one.jpg            root/train/Cat/one.jpg
//! root/Dog/two.png            root/train/Dog/two.png
//!                             root/test/Cat/three.jpg
//! ```
//!
//! A class is named as its folder, and classes are in the order of their names (by bytes, so upper
//! case stands first). Images may lie at any depth below their class folder. Files and folders
//! whose name begins with a dot are left out, and so are files without the extension of an image;
//! links to folders are followed for the class folders themselves only, so that no loop is walked.

use std::path::{Path, PathBuf};

use crate::{Dataset, Error, Sample};

/// Extensions of images, in lower case. The last five are formats that cannot be decoded: such
/// files count as well, so that [`Dataset::check`] names them instead of losing them silently.
const EXTENSIONS: [&str; 13] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "gif", "webp", "bmp", "tif", "tiff", "heic", "heif",
    "avif",
];

/// The name of a data set whose folder has none, such as `..`.
const UNNAMED: &str = "folder";

/// Reads the layout below `root`; no image is opened.
///
/// # Errors
///
/// [`Error::NoFolder`], [`Error::TooFewClasses`] and [`Error::EmptyClass`] for what is not there;
/// [`Error::UnknownTestClass`] for a class below `test/` that `train/` has not;
/// [`Error::StrayFolder`] for a folder beside `train/` and `test/`; [`Error::ClassName`] for a
/// name that is not UTF-8; [`Error::Io`].
pub fn load(root: &Path) -> Result<Dataset, Error> {
    if !root.is_dir() {
        return Err(Error::NoFolder {
            root: root.to_owned(),
        });
    }
    let folders = subfolders(root)?;
    let train = root.join("train");
    let (class_folders, test_folders) = if holds_classes(&folders, &train)? {
        (subfolders(&train)?, test_folders(&folders)?)
    } else {
        (folders, Vec::new())
    };
    if class_folders.len() < 2 {
        let root = class_folders
            .first()
            .and_then(|path| path.parent())
            .unwrap_or(root)
            .to_owned();
        return Err(Error::TooFewClasses {
            root,
            got: class_folders.len(),
        });
    }
    let classes: Vec<String> = class_folders
        .iter()
        .map(|path| class_name(path))
        .collect::<Result<_, _>>()?;
    Ok(Dataset {
        name: root
            .file_name()
            .map_or(UNNAMED.into(), |name| name.to_string_lossy().into_owned()),
        root: root.to_owned(),
        train: samples(&class_folders, &classes)?,
        test: samples(&test_folders, &classes)?,
        classes,
    })
}

/// Whether `train` is one of `folders` and holds class folders, rather than being a class itself.
fn holds_classes(folders: &[PathBuf], train: &Path) -> Result<bool, Error> {
    Ok(folders.iter().any(|folder| folder == train) && !subfolders(train)?.is_empty())
}

/// The class folders of `test`, the only folder that may stand beside `train`.
fn test_folders(folders: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut test_folders = Vec::new();
    for folder in folders {
        if folder.ends_with("test") {
            test_folders = subfolders(folder)?;
        } else if !folder.ends_with("train") {
            return Err(Error::StrayFolder {
                path: folder.clone(),
            });
        }
    }
    Ok(test_folders)
}

/// The images of every class folder; the classes are looked up by name.
fn samples(class_folders: &[PathBuf], classes: &[String]) -> Result<Vec<Sample>, Error> {
    let mut samples = Vec::new();
    for folder in class_folders {
        let name = class_name(folder)?;
        let Ok(class) = classes.binary_search(&name) else {
            return Err(Error::UnknownTestClass {
                path: folder.clone(),
                class: name,
            });
        };
        let mut images = Vec::new();
        collect_images(folder, &mut images)?;
        if images.is_empty() {
            return Err(Error::EmptyClass {
                path: folder.clone(),
            });
        }
        images.sort_unstable();
        samples.extend(images.into_iter().map(|path| Sample { path, class }));
    }
    Ok(samples)
}

fn class_name(folder: &Path) -> Result<String, Error> {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned).ok_or_else(|| Error::ClassName {
        path: folder.to_owned(),
    })
}

/// Visible folders in `folder`, links to folders among them, sorted by name.
fn subfolders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut folders = visible_entries(folder)?;
    folders.retain(|path| path.is_dir());
    folders.sort_unstable_by(|one, other| one.file_name().cmp(&other.file_name()));
    Ok(folders)
}

/// Adds the images in `folder` and below it to `images`.
fn collect_images(folder: &Path, images: &mut Vec<PathBuf>) -> Result<(), Error> {
    for path in visible_entries(folder)? {
        if path.is_dir() {
            if !path.is_symlink() {
                collect_images(&path, images)?;
            }
        } else if has_image_extension(&path) {
            images.push(path);
        }
    }
    Ok(())
}

fn visible_entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    for entry in fs_err::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn has_image_extension(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| {
        EXTENSIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(extension))
    })
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// A folder with these files, all of them empty.
    fn tree(files: &[&str]) -> TempDir {
        let root = tempfile::tempdir().unwrap();
        for file in files {
            let path = root.path().join(file);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, b"").unwrap();
        }
        root
    }

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
        (
            error
                .to_string()
                .replace(root.path().to_str().unwrap(), "ROOT"),
            error,
        )
    }

    #[test]
    fn class_folders_in_the_root_are_all_for_training() {
        let root = tree(&["Dog/b.jpg", "Dog/a.PNG", "Cat/deep/er/c.webp", "notes.txt"]);
        let dataset = load(root.path()).unwrap();
        assert_eq!(dataset.classes, ["Cat", "Dog"]);
        assert_eq!(
            listed(&root, &dataset.train),
            [
                ("Cat/deep/er/c.webp".into(), 0),
                ("Dog/a.PNG".into(), 1),
                ("Dog/b.jpg".into(), 1)
            ]
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
        assert_eq!(
            load(root.path()).unwrap().classes,
            ["plane", "test", "train"]
        );
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
        ]);
        let dataset = load(root.path()).unwrap();
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
        let dataset = load(root.path()).unwrap();
        assert_eq!(
            listed(&root, &dataset.train),
            [("Cat/1.jpg".into(), 0), ("Dog/2.jpg".into(), 1)]
        );
    }

    #[test]
    fn an_empty_class_is_named() {
        let (text, error) = failure(&["Cat/1.jpg", "Dog/.hidden.jpg"]);
        assert_eq!(text, "class folder `ROOT/Dog` holds no images");
        assert!(error.hint().is_some());
    }

    #[test]
    fn fewer_than_two_classes_are_refused() {
        assert_eq!(
            failure(&["Cat/1.jpg"]).0,
            "`ROOT` holds 1 class folders, expected at least 2"
        );
        assert_eq!(
            failure(&["train/Cat/1.jpg", "test/Cat/1.jpg"]).0,
            "`ROOT/train` holds 1 class folders, expected at least 2"
        );
        assert_eq!(
            failure(&["1.jpg"]).0,
            "`ROOT` holds 0 class folders, expected at least 2"
        );
    }

    #[test]
    fn a_class_known_to_test_only_is_refused() {
        let (text, _) = failure(&["train/Cat/1.jpg", "train/Dog/1.jpg", "test/Fox/1.jpg"]);
        assert_eq!(
            text,
            "test class `Fox` in `ROOT/test/Fox` has no training images"
        );
    }

    #[test]
    fn a_folder_beside_train_and_test_is_refused() {
        let (text, error) = failure(&["train/Cat/1.jpg", "train/Dog/1.jpg", "valid/Cat/1.jpg"]);
        assert!(
            text.starts_with("folder `ROOT/valid` stands beside `train`"),
            "{text}"
        );
        assert!(error.hint().is_some());
    }

    #[test]
    fn a_missing_root_is_named() {
        let error = load(Path::new("no/such/folder")).unwrap_err();
        assert_eq!(error.to_string(), "no data set folder `no/such/folder`");
    }
}
