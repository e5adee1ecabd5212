//! Which images of a data set stay together when it is split.

use std::path::PathBuf;

use pet_data::{Sample, series_groups};

use crate::check::DuplicateImages;

/// Images that stay on the same side of a split. A model that was trained on one of them has nearly seen the others, so
/// that its accuracy on them says too little about other images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// Duplicates and near-duplicates.
    pub duplicates: bool,
    /// Images with consecutive numbers, as [`series_groups`] has them.
    pub series: bool,
}

impl Grouping {
    /// The groups of these images, some of which are `duplicates`.
    pub(crate) fn groups(
        self,
        samples: &[Sample],
        duplicates: &DuplicateImages,
    ) -> Vec<Vec<PathBuf>> {
        let mut groups = Vec::new();
        if self.duplicates {
            groups.extend_from_slice(duplicates.groups());
        }
        if self.series {
            groups.extend(series_groups(samples));
        }
        groups
    }

    /// The end of the description of a split.
    pub(crate) fn description(self) -> &'static str {
        match (self.duplicates, self.series) {
            (false, false) => "",
            (true, false) => ", duplicates grouped",
            (false, true) => ", series grouped",
            (true, true) => ", duplicates and series grouped",
        }
    }
}
