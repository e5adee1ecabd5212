//! Added images that are excluded from training.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use pet_data::picture::{Duplicates, Fingerprint, fingerprints};
use pet_data::{Dataset, Progress, Sample, Split, UnreadableImage};
use pet_image::Limits;
use pet_train::Interrupt;

use crate::error::Error;

/// [Added](Dataset::adding) images that are excluded from training.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExcludedImages {
    /// Copies of validation or test images.
    pub copies: Vec<CopiedImage>,
    /// Images that cannot be read.
    pub unreadable: Vec<UnreadableImage>,
}

/// An added image that is a copy of a validation or test image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedImage {
    /// The added image.
    pub path: PathBuf,
    /// The validation or test image.
    pub of: PathBuf,
}

impl ExcludedImages {
    /// Checks all added images. With `identical`, only identical images count as copies, not similar ones.
    ///
    /// # Errors
    ///
    /// When it is interrupted.
    pub(crate) fn find(
        dataset: &Dataset,
        splits: &[Split],
        identical: bool,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let mut excluded = Self::default();
        if dataset.added.is_empty() {
            return Ok(excluded);
        }
        let validated = splits.iter().flat_map(|split| &split.validation);
        let held_out = validated.chain(&dataset.test);
        let samples: Vec<&Sample> = dataset.added.iter().chain(held_out).collect();
        let stop = || interrupt.check().is_err();
        let read = fingerprints(&samples, limits, progress, &stop)?;
        let mut known: Vec<(usize, &Fingerprint)> = Vec::new();
        for (index, read) in read.iter().enumerate() {
            match read {
                Ok(print) => known.push((index, print)),
                Err(reason) if index < dataset.added.len() => {
                    excluded.unreadable.push(UnreadableImage {
                        path: samples[index].path.clone(),
                        reason: reason.reason(),
                    });
                }
                // Evaluation reports unreadable images.
                Err(_) => {}
            }
        }
        let prints: Vec<&Fingerprint> = known.iter().map(|(_, print)| *print).collect();
        let found = Duplicates::find(&prints, progress, &stop)?;
        let groups = if identical { found.exact } else { found.together(prints.len()) };
        for group in groups {
            let members = group.iter().map(|&index| known[index].0);
            let (added, held_out): (Vec<usize>, Vec<usize>) =
                members.partition(|&index| index < dataset.added.len());
            let copy = |index: usize| {
                let (path, of) = (samples[index].path.clone(), *held_out.first()?);
                let of = samples[of].path.clone();
                Some(CopiedImage { path, of })
            };
            excluded.copies.extend(added.into_iter().filter_map(copy));
        }
        Ok(excluded)
    }

    /// Whether no image is excluded.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.unreadable.is_empty()
    }

    /// Removes them from the data set.
    pub(crate) fn remove_from(&self, dataset: &mut Dataset) {
        let copies = self.copies.iter().map(|copy| &copy.path);
        let unreadable = self.unreadable.iter().map(|image| &image.path);
        let excluded: HashSet<_> = copies.chain(unreadable).collect();
        dataset.added.retain(|sample| !excluded.contains(&sample.path));
    }
}

impl fmt::Display for ExcludedImages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CopiedImage { path, of }) = self.copies.first() {
            let (count, path, of) = (self.copies.len(), path.display(), of.display());
            write!(
                formatter,
                "added images that show a validation or test image were left out: {count}, such as `{path}`, \
                 which shows the same as `{of}`"
            )?;
        }
        if let Some(image) = self.unreadable.first() {
            let count = self.unreadable.len();
            let separator = if self.copies.is_empty() { "" } else { "; " };
            write!(
                formatter,
                "{separator}added images that cannot be read were left out: {count}, such as {image}"
            )?;
        }
        Ok(())
    }
}
