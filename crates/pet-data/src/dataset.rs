use std::path::PathBuf;

/// One image and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The image file: [`Dataset::root`] joined with its place in the data set.
    pub path: PathBuf,
    /// Index into [`Dataset::classes`].
    pub class: usize,
}

/// Labelled images: what to train on, and what is kept apart for evaluation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// Short name for people and logs, such as `oxford-iiit-pet`.
    pub name: String,
    /// Folder that the data set was loaded from.
    pub root: PathBuf,
    /// Class names in index order.
    pub classes: Vec<String>,
    /// Images to train and to validate on; see [`stratified_split`](crate::stratified_split).
    pub train: Vec<Sample>,
    /// Images for evaluation only, never for a choice made while training. May be empty.
    pub test: Vec<Sample>,
}

impl Dataset {
    /// All samples: those of `train`, then those of `test`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        self.train.iter().chain(&self.test)
    }
}
