use std::path::PathBuf;

use crate::{Error, LeftOut, Split, grouped_split};

/// One image and what it shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sample {
    /// The image file: [`Dataset::root`] joined with its place in the data set, unless it was added.
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
    /// Images to train on, and to validate on unless `validation` holds some; see [`Dataset::split`].
    pub train: Vec<Sample>,
    /// Images to validate on, where the data set itself keeps them apart.
    pub validation: Vec<Sample>,
    /// Images for evaluation only, never for a choice made while training. May be empty.
    pub test: Vec<Sample>,
    /// Images of other folders to train on besides; see [`Dataset::adding`].
    pub added: Vec<Sample>,
    /// What of the folder was left out.
    pub left_out: LeftOut,
}

impl Dataset {
    /// All samples: those of `train`, then of `validation`, of `test` and of `added`.
    pub fn samples(&self) -> impl Iterator<Item = &Sample> {
        let own = self.train.iter().chain(&self.validation).chain(&self.test);
        own.chain(&self.added)
    }

    /// What to train on and what to validate on: as the data set divides it, or else by
    /// [`stratified_split`](crate::stratified_split). Added images are on neither side.
    ///
    /// # Errors
    ///
    /// As [`stratified_split`](crate::stratified_split).
    pub fn split(&self, validation_fraction: f64, seed: u64) -> Result<Split, Error> {
        self.split_grouped(validation_fraction, seed, &[])
    }

    /// The same, but by [`grouped_split`], which keeps each of the groups on one side.
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
        Ok(Split {
            train: self.train.clone(),
            validation: self.validation.clone(),
        })
    }
}
