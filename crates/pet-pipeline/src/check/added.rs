//! Added pictures that must not be trained on.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;

use pet_data::picture::{Duplicates, Fingerprint, fingerprints};
use pet_data::{Dataset, Progress, Sample, Split, UnreadableImage};
use pet_image::Limits;
use pet_train::Interrupt;

use crate::error::Error;

/// What of the [added](Dataset::adding) pictures is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnusedPictures {
    /// Those that show what the model is validated or tested on.
    pub copies: Vec<CopiedPicture>,
    /// Those that cannot be read, with the reason.
    pub unreadable: Vec<UnreadableImage>,
}

/// An added picture that shows what the model is measured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopiedPicture {
    /// The added one.
    pub path: PathBuf,
    /// The one that is validated or tested on.
    pub of: PathBuf,
}

impl UnusedPictures {
    /// Looks at each added picture. With `identical`, only those count as copies whose files are.
    ///
    /// # Errors
    ///
    /// When the work was asked to stop.
    pub(crate) fn find(
        dataset: &Dataset,
        splits: &[Split],
        identical: bool,
        limits: &Limits,
        interrupt: &Interrupt,
        progress: &dyn Progress,
    ) -> Result<Self, Error> {
        let mut unused = Self::default();
        if dataset.added.is_empty() {
            return Ok(unused);
        }
        let validated = splits.iter().flat_map(|split| &split.validation);
        let measured = validated.chain(&dataset.test);
        let samples: Vec<&Sample> = dataset.added.iter().chain(measured).collect();
        let stop = || interrupt.check().is_err();
        let read = fingerprints(&samples, limits, progress, &stop)?;
        let mut known: Vec<(usize, &Fingerprint)> = Vec::new();
        for (index, read) in read.iter().enumerate() {
            match read {
                Ok(print) => known.push((index, print)),
                Err(reason) if index < dataset.added.len() => {
                    unused.unreadable.push(UnreadableImage {
                        path: samples[index].path.clone(),
                        reason: reason.to_string(),
                    });
                }
                // Those who measure need it and say so.
                Err(_) => {}
            }
        }
        let prints: Vec<&Fingerprint> = known.iter().map(|(_, print)| *print).collect();
        let found = Duplicates::find(&prints, progress, &stop)?;
        let groups = if identical {
            found.exact
        } else {
            found.together(prints.len())
        };
        for group in groups {
            let members = group.iter().map(|&index| known[index].0);
            let (added, measured): (Vec<usize>, Vec<usize>) =
                members.partition(|&index| index < dataset.added.len());
            let copy = |index: usize| {
                let (path, of) = (samples[index].path.clone(), *measured.first()?);
                let of = samples[of].path.clone();
                Some(CopiedPicture { path, of })
            };
            unused.copies.extend(added.into_iter().filter_map(copy));
        }
        Ok(unused)
    }

    /// Whether all can be used.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.unreadable.is_empty()
    }

    /// Takes them out of the data set.
    pub(crate) fn leave_out(&self, dataset: &mut Dataset) {
        let copies = self.copies.iter().map(|copy| &copy.path);
        let unreadable = self.unreadable.iter().map(|image| &image.path);
        let unused: HashSet<_> = copies.chain(unreadable).collect();
        dataset
            .added
            .retain(|sample| !unused.contains(&sample.path));
    }
}

impl fmt::Display for UnusedPictures {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(CopiedPicture { path, of }) = self.copies.first() {
            let (count, path, of) = (self.copies.len(), path.display(), of.display());
            write!(
                formatter,
                "added pictures that show what is validated or tested on are left out: {count}, such as `{path}`, which \
                 shows `{of}`"
            )?;
        }
        if let Some(image) = self.unreadable.first() {
            let count = self.unreadable.len();
            let separator = if self.copies.is_empty() { "" } else { "; " };
            write!(
                formatter,
                "{separator}added pictures that cannot be read are left out: {count}, such as {image}"
            )?;
        }
        Ok(())
    }
}
