//! The names of the folders of a divided data set.

use std::path::Path;

/// A part of a divided data set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Train,
    Validation,
    Test,
}

impl Part {
    pub(crate) const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The part that a folder with this name is.
    pub(crate) fn named(folder: &Path) -> Option<Self> {
        let (part, other_words) = Self::within(folder);
        part.filter(|_| !other_words)
    }

    /// The part that is mentioned in the name of a folder, and whether the name has other words than those that are usual
    /// in the name of a part.
    pub(crate) fn within(folder: &Path) -> (Option<Self>, bool) {
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
