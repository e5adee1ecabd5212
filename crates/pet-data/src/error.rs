use std::fmt::{Display, Formatter};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why a data set cannot be loaded, downloaded or split.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written; the text names it.
    #[error(transparent)]
    Io(#[from] std::io::Error),

    /// The folder does not exist, or is a file.
    #[error("data set folder not found: `{}`", root.display())]
    NoFolder {
        /// Where it was expected.
        root: PathBuf,
    },

    /// A part of a data set's layout is missing.
    #[error("data set `{}` has no `{expected}`", root.display())]
    Layout {
        /// Folder of the data set.
        root: PathBuf,
        /// Path below `root` that was expected.
        expected: String,
        /// A folder below `root` that looks like the wanted data set.
        nested: Option<PathBuf>,
    },

    /// A line of an annotation file is invalid.
    #[error("`{}` line {line}: expected {expected}, got `{got}`", path.display())]
    Annotation {
        /// The annotation file.
        path: PathBuf,
        /// Line number, from 1.
        line: usize,
        /// What the line should hold.
        expected: String,
        /// The value found.
        got: String,
    },

    /// An annotation file is larger than any real one.
    #[error("`{}` has more than {limit} bytes", path.display())]
    AnnotationSize {
        /// The annotation file.
        path: PathBuf,
        /// The largest size that is read.
        limit: u64,
    },

    /// The training list is empty.
    #[error("`{}` lists no images", path.display())]
    NoAnnotations {
        /// The annotation file.
        path: PathBuf,
    },

    /// Class ids must run from 1 without a gap, since they become indices.
    #[error("`{}` lists no image of class id {missing}, but goes up to {highest}", path.display())]
    ClassGap {
        /// The annotation file.
        path: PathBuf,
        /// The lowest id without an image.
        missing: usize,
        /// The highest id with one.
        highest: usize,
    },

    /// Images that the annotations name are missing.
    #[error(
        "{} of {total} images named in `{}` are missing: {}",
        images.len(), path.display(), listed(images.iter().map(|image| format!("`{}`", image.display())))
    )]
    MissingImages {
        /// The folder of the annotation files.
        path: PathBuf,
        /// How many images are named there.
        total: usize,
        /// All images that are missing.
        images: Vec<PathBuf>,
    },

    /// There are fewer class folders than needed.
    #[error(
        "`{}` contains {got} class folder{}, expected at least {expected}",
        root.display(), if *got == 1 { "" } else { "s" }
    )]
    TooFewClasses {
        /// The folder of class folders.
        root: PathBuf,
        /// How many are needed: two to train on, one to evaluate.
        expected: usize,
        /// How many class folders there are.
        got: usize,
    },

    /// A class folder has no images.
    #[error("class folder `{}` contains no images", path.display())]
    EmptyClass {
        /// The class folder.
        path: PathBuf,
    },

    /// The name of a class folder is blank, not UTF-8, or has control characters.
    #[error("the folder name `{}` cannot be a class name", path.display())]
    ClassName {
        /// The class folder.
        path: PathBuf,
    },

    /// A class occurs among the validation or the test images only.
    #[error("class `{class}` in `{}` has no training images", path.display())]
    UntrainedClass {
        /// Where the class was found.
        path: PathBuf,
        /// Its name.
        class: String,
    },

    /// An added folder has classes that the data set does not have.
    #[error(
        "`{}` has classes that data set `{dataset}` does not have: {}",
        root.display(), listed(classes.iter().map(|class| format!("`{class}`")))
    )]
    UnknownClasses {
        /// The added folder.
        root: PathBuf,
        /// The data set.
        dataset: String,
        /// The classes.
        classes: Vec<String>,
    },

    /// A folder was added twice.
    #[error("`{}` and `{}` are the same folder", first.display(), second.display())]
    FolderTwice {
        /// The first path.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },

    /// There are images for validation or evaluation, but none for training.
    #[error("`{}` has folders for evaluation, but no `train`", root.display())]
    NoTrainFolder {
        /// The folder where it was expected.
        root: PathBuf,
    },

    /// Two folders are spellings of the same part, such as `train` and `Training`.
    #[error("`{}` and `{}` mean the same split", first.display(), second.display())]
    TwoFolders {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },

    /// There is an unexpected folder beside those of the split, whose images would be ignored.
    #[error("unexpected folder `{}` in a divided data set: expected only `train`, `val` and `test`", path.display())]
    StrayFolder {
        /// The folder.
        path: PathBuf,
    },

    /// A class folder contains the folders of a split, whose images would be mixed.
    #[error("`{}` and `{}` divide a class, not the data set", first.display(), second.display())]
    DividedClass {
        /// One of them.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },

    /// An archive could be downloaded from no mirror; a partial download is kept for the next attempt.
    #[error("cannot download `{archive}`: {}", listed(failures))]
    Download {
        /// File name of the archive.
        archive: String,
        /// The target folder.
        root: PathBuf,
        /// The failure of each mirror.
        failures: Vec<MirrorFailure>,
    },

    /// An existing archive is not the official one.
    #[error("`{}` has MD5 `{got}`, expected `{expected}`", path.display())]
    Checksum {
        /// The archive.
        path: PathBuf,
        /// The MD5 of the official archive.
        expected: String,
        /// The MD5 of the file.
        got: String,
    },

    /// Another process is downloading to the same folder.
    #[error("`{}` is in use by another download", path.display())]
    Busy {
        /// The locked file.
        path: PathBuf,
    },

    /// An archive is damaged, or its content cannot be written.
    #[error("cannot unpack `{}`", path.display())]
    Unpack {
        /// The archive.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },

    /// An archive has an unsafe or unexpected entry; nothing was unpacked.
    #[error("`{}` was rejected: entry `{entry}` {problem}", path.display())]
    ArchiveEntry {
        /// The archive.
        path: PathBuf,
        /// Name of the entry in the archive.
        entry: String,
        /// What is wrong with it.
        problem: String,
    },

    /// An archive does not have the expected folder.
    #[error("`{}` contains no folder `{folder}`", path.display())]
    ArchiveFolder {
        /// The archive.
        path: PathBuf,
        /// The expected folder.
        folder: String,
    },

    /// An option of the generated sample is out of range.
    #[error("`{option}` must be {expected}, got {got}")]
    SampleOptions {
        /// Name of the option.
        option: &'static str,
        /// The range that is allowed.
        expected: String,
        /// The value given.
        got: u64,
    },

    /// The folder for the generated sample has other content.
    #[error("`{}` exists and is not a generated sample", root.display())]
    NotASample {
        /// The folder.
        root: PathBuf,
    },

    /// A generated picture could not be encoded.
    #[error("cannot encode a generated image")]
    Image(#[source] pet_image::Error),

    /// The validation fraction is invalid.
    #[error("validation fraction must be at least 0 and below 1, got {got}")]
    Fraction {
        /// The fraction given.
        got: f64,
    },

    /// There are less than two folds, or not enough images.
    #[error("cannot divide {images} images into {got} folds that all have images")]
    Folds {
        /// The number of folds given.
        got: usize,
        /// The number of images.
        images: usize,
    },

    /// The work was interrupted.
    #[error("interrupted")]
    Interrupted,

    /// The same image is listed twice.
    #[error("sample `{}` is listed twice", path.display())]
    DuplicateSample {
        /// The image.
        path: PathBuf,
    },
}

impl Error {
    /// A suggested remedy, if there is one.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Io(source) | Self::Unpack { source, .. }
                if source.kind() == ErrorKind::StorageFull =>
            {
                "free some disk space and run again"
            }
            Self::Io(source) if source.kind() == ErrorKind::NotFound => {
                "it existed a moment ago; run again when nothing is changing the folder"
            }
            Self::NoFolder { .. } => "check the path of the data set",
            Self::Layout { nested: Some(nested), .. } => {
                return Some(format!("did you mean `{}`?", nested.display()));
            }
            Self::Layout { expected, .. } => {
                return Some(format!("choose the folder that contains `{expected}`"));
            }
            Self::MissingImages { .. } => {
                "unpack `images.tar.gz` again, or remove the missing names from the lists"
            }
            Self::TooFewClasses { got: 0, .. } => {
                "put the images of each class into a folder named after the class; if this is one of \
                 these folders, name the folder above it"
            }
            Self::TooFewClasses { .. } => {
                "add a folder with the images of another class, or give the folder that contains the \
                 class folders"
            }
            Self::EmptyClass { .. } => "add images to the folder, or remove it",
            Self::UntrainedClass { .. } => {
                "move some of its images into `train`, or the folder away"
            }
            Self::StrayFolder { .. } => {
                "rename it, move it away, or move its images into `train`, `val` or `test`"
            }
            Self::DividedClass { first, .. } => {
                let class = first.parent().and_then(Path::file_name).unwrap_or_default().display();
                return Some(format!(
                    "put the split above the classes: `train/{class}`, `test/{class}`"
                ));
            }
            Self::NoTrainFolder { root } => {
                return Some(format!(
                    "put the class folders to train on into `{}`, or specify the folder that contains \
                     class folders",
                    root.join("train").display()
                ));
            }
            Self::TwoFolders { .. } => "move the images of one into the other",
            Self::UnknownClasses { .. } => {
                "an added folder has a folder of images for each class, named like the data set's \
                 classes"
            }
            Self::FolderTwice { .. } => "specify each folder once",
            Self::ClassName { .. } => "rename the folder with letters and digits",
            Self::Download { root, archive, .. } => {
                return Some(format!(
                    "check the network and run again to resume; or put `{archive}` into `{}` yourself",
                    root.display()
                ));
            }
            Self::Checksum { path, .. } => {
                return Some(format!("remove `{}` to download it again", path.display()));
            }
            Self::Busy { .. } => "wait until the other download has finished",
            Self::Unpack { path, .. } => {
                return Some(format!(
                    "if `{}` is damaged, remove it and run again",
                    path.display()
                ));
            }
            Self::NotASample { root } => {
                return Some(format!("choose another folder, or remove `{}`", root.display()));
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// A mirror from which an archive could not be downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorFailure {
    /// Address of the mirror.
    pub mirror: String,
    /// The reason, in words.
    pub reason: String,
}

impl Display for MirrorFailure {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` ({})", self.mirror, self.reason)
    }
}

/// The first ten items, and the number of further ones.
fn listed(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut items = items.into_iter();
    let named: Vec<String> = items.by_ref().take(10).map(|item| item.to_string()).collect();
    match items.count() {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(count: usize) -> Error {
        let images = (1..=count).map(|number| format!("images/Pug_{number}.jpg").into()).collect();
        Error::MissingImages { path: "annotations".into(), total: 50, images }
    }

    #[test]
    fn few_missing_images_are_all_named() {
        assert_eq!(
            missing(2).to_string(),
            "2 of 50 images named in `annotations` are missing: \
             `images/Pug_1.jpg`, `images/Pug_2.jpg`"
        );
    }

    #[test]
    fn of_many_missing_images_ten_are_named_and_the_rest_counted() {
        let text = missing(13).to_string();
        assert!(text.starts_with("13 of 50 images"), "{text}");
        assert!(text.ends_with("`images/Pug_10.jpg` and 3 more"), "{text}");
    }
}
