use std::path::PathBuf;

use crate::{Error, LeftOut, Split, grouped_split};

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
}

impl Dataset {
    /// All samples: those of `train`, then of `validation`, of `test` and of `added`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        let own = self.train.iter().chain(&self.validation).chain(&self.test);
        own.chain(&self.added)
    }

    /// Splits the images into training and validation: as the data set does, or else by
    /// [`stratified_split`](crate::stratified_split). Added images are not included.
    ///
    /// # Errors
    ///
    /// As [`stratified_split`](crate::stratified_split).
    pub fn split(&self, validation_fraction: f64, seed: u64) -> Result<Split, Error> {
        self.split_grouped(validation_fraction, seed, &[])
    }

    /// Like [`split`](Self::split), but by [`grouped_split`], which keeps each group on one side.
    ///
    /// # Errors
    ///
    /// As [`grouped_split`].
    pub fn split_grouped(
        &self,
        validation_fraction: f64,
        seed: u64,
        groups: &[Vec<PathBuf>],
    ) -> Result<Split, Error> {
        if self.validation.is_empty() {
            return grouped_split(&self.train, validation_fraction, seed, groups);
        }
        Ok(Split { train: self.train.clone(), validation: self.validation.clone() })
    }
}
