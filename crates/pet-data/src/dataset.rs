use std::path::{Path, PathBuf};

use crate::walk::{LeftOut, class_folders, class_name, images};
use crate::{Error, Progress};

/// A labelled image.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The image file, below [`Dataset::root`] unless it was [added](Dataset::adding).
    pub path: PathBuf,
    /// Index into [`Dataset::classes`].
    pub class: usize,
}

/// Labelled images for training, validation and evaluation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dataset {
    /// Short display name, such as `oxford-iiit-pet`.
    pub name: String,
    /// Folder that the data set was loaded from.
    pub root: PathBuf,
    /// Class names in index order.
    pub classes: Vec<String>,
    /// Training images, which are also split for validation if `validation` is empty; see [`Dataset::split`].
    pub train: Vec<Sample>,
    /// Validation images, if the data set has its own.
    pub validation: Vec<Sample>,
    /// Images for the final evaluation only. May be empty.
    pub test: Vec<Sample>,
    /// Additional training images of other folders; see [`Dataset::adding`].
    pub added: Vec<Sample>,
    /// What was skipped in the folder.
    pub left_out: LeftOut,
    /// Class folders without images, which only [`load_to_check`](crate::folder::load_to_check) accepts.
    pub empty: Vec<PathBuf>,
    /// Class folders for validation or evaluation of classes that have none for training, whose images are in no part.
    /// Only [`load_to_check`](crate::folder::load_to_check) accepts them.
    pub untrained: Vec<PathBuf>,
}

impl Dataset {
    /// All samples: those of `train`, then of `validation`, of `test` and of `added`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        let own = self.train.iter().chain(&self.validation).chain(&self.test);
        own.chain(&self.added)
    }

    /// Adds training images of other folders, such as corrections. Each has a folder of images for some or all of the
    /// data set's classes; a class folder may be empty.
    ///
    /// These images are used for training only and are part of neither [`split`](Self::split) nor
    /// [`digest`](Self::digest), so that models trained with and without them are comparable. Reports to `progress` how
    /// many images each folder adds and what it skips.
    ///
    /// # Errors
    ///
    /// [`Error::NoFolder`] for a missing folder, [`Error::FolderTwice`] for one that was added before or is the data
    /// set's own, [`Error::UnknownClasses`] for classes that the data set does not have, [`Error::ClassName`],
    /// [`Error::Io`].
    pub fn adding(mut self, folders: &[PathBuf], progress: &dyn Progress) -> Result<Self, Error> {
        let mut places = vec![self.root.clone()];
        for root in folders {
            if !root.is_dir() {
                return Err(Error::NoFolder { root: root.clone() });
            }
            let place = fs_err::canonicalize(root)?;
            for earlier in &places {
                if fs_err::canonicalize(earlier)? == place {
                    let (first, second) = (earlier.clone(), root.clone());
                    return Err(Error::FolderTwice { first, second });
                }
            }
            let mut left_out = LeftOut::default();
            let samples = self.samples_in(root, &mut left_out)?;
            let (folder, count) = (root.display(), samples.len());
            let mut message = format!("`{folder}` adds {count} images");
            if !left_out.is_empty() {
                message = format!("{message}; skipped: {left_out}");
            }
            progress.message(&message);
            self.added.extend(samples);
            places.push(root.clone());
        }
        Ok(self)
    }

    /// The images of a folder of class folders.
    fn samples_in(&self, root: &Path, left_out: &mut LeftOut) -> Result<Vec<Sample>, Error> {
        let (mut samples, mut unknown) = (Vec::new(), Vec::new());
        for folder in class_folders(root, left_out)? {
            let name = class_name(&folder)?;
            let Some(class) = self.classes.iter().position(|known| *known == name) else {
                unknown.push(name);
                continue;
            };
            let images = images(&folder, left_out)?.into_iter();
            samples.extend(images.map(|path| Sample { path, class }));
        }
        if unknown.is_empty() {
            return Ok(samples);
        }
        Err(Error::UnknownClasses {
            root: root.to_path_buf(),
            dataset: self.name.clone(),
            classes: unknown,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;
    use crate::walk::tests::tree;
    use crate::{FileDigests, Silent, Unit, folder};

    #[derive(Default)]
    struct Messages(Mutex<Vec<String>>);

    impl Progress for Messages {
        fn start(&self, _: &str, _: u64, _: Unit) {}
        fn advance(&self, _: u64) {}
        fn finish(&self) {}
        fn message(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    fn pets() -> (TempDir, Dataset) {
        let root = tree(&["Cat/1.jpg", "Cat/2.jpg", "Dog/1.jpg", "Dog/2.jpg"]);
        let dataset = folder::load(root.path()).unwrap();
        (root, dataset)
    }

    #[test]
    fn added_images_are_trained_on_and_change_neither_the_split_nor_the_digest() {
        let (_root, alone) = pets();
        let more = tree(&["Dog/3.jpg", "Dog/3.json", "Cat/notes.txt", "Cat/lost.json"]);
        let messages = Messages::default();
        let folders = [more.path().to_owned()];
        let dataset = alone.clone().adding(&folders, &messages).unwrap();
        let path = more.path().join("Dog/3.jpg");
        assert_eq!(dataset.added, [Sample { path, class: 1 }]);
        assert_eq!(dataset.samples().count(), 5);
        assert_eq!(dataset.split(0.5, 7, &[]).unwrap(), alone.split(0.5, 7, &[]).unwrap());
        assert_eq!(dataset.digest().unwrap(), alone.digest().unwrap());
        let messages = messages.0.into_inner().unwrap();
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        let end = "` adds 1 images; skipped: 2 files that are not images";
        assert!(message.ends_with(end), "{message}");
    }

    #[test]
    fn the_digest_of_what_is_added_tells_content_and_class_whatever_the_place() {
        let (_root, alone) = pets();
        let digest = |files: &[&str], content: &str| {
            let more = tree(files);
            for file in files {
                fs_err::write(more.path().join(file), content).unwrap();
            }
            let folders = [more.path().to_owned()];
            let dataset = alone.clone().adding(&folders, &Silent).unwrap();
            dataset.added_digest(&mut FileDigests::default()).unwrap()
        };
        assert_eq!(alone.added_digest(&mut FileDigests::default()).unwrap(), None);
        assert_eq!(digest(&[], ""), None);
        let one = digest(&["Dog/3.jpg"], "three");
        assert_eq!(digest(&["Dog/4.png"], "three"), one);
        assert_ne!(digest(&["Dog/3.jpg"], "four"), one);
        assert_ne!(digest(&["Cat/3.jpg"], "three"), one);
        assert_ne!(digest(&["Dog/3.jpg", "Dog/4.jpg"], "three"), one);
    }

    #[test]
    fn what_cannot_be_added_is_named() {
        let (root, alone) = pets();
        let refused = |folders: &[PathBuf]| {
            let error = alone.clone().adding(folders, &Silent).unwrap_err();
            assert!(error.hint().is_some(), "{error}");
            error.to_string()
        };
        let more = tree(&["Dog/3.jpg", "Fox/1.jpg", "train/Dog/1.jpg"]);
        let text = refused(&[more.path().to_owned()]);
        let end = "has classes that data set `".to_owned()
            + &alone.name
            + "` does not have: `Fox`, `train`";
        assert!(text.ends_with(&end), "{text}");
        let text = refused(&[root.path().join("../nowhere")]);
        assert!(text.contains("nowhere"), "{text}");
        let own = root.path().join("Cat/..");
        assert!(refused(&[own]).ends_with("are the same folder"));
        let good = tree(&["Dog/3.jpg"]);
        let twice = [good.path().to_owned(), good.path().join("Dog/..")];
        assert!(refused(&twice).ends_with("are the same folder"));
    }
}
