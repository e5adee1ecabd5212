//! How a data set is split into training and validation images, and which images stay together.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use pet_data::{Sample, series_groups};

use crate::check::DuplicateImages;

/// Parameter: whether duplicates were kept on one side of the split.
pub(crate) const GROUP_DUPLICATES: &str = "group_duplicates";
/// Parameter: whether images with consecutive numbers were kept on one side of the split.
pub(crate) const GROUP_SERIES: &str = "group_series";
/// Parameter: seed of the split, and of everything else that is random.
pub(crate) const SEED: &str = "seed";
/// Parameter: share of the training images used for validation, unless the data set has validation images.
pub(crate) const VALIDATION_FRACTION: &str = "validation_fraction";

/// The parameters that determine the split of a data set; `None` for those that are not recorded, or not given.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SplitParams {
    /// The seed.
    pub seed: Option<u64>,
    /// The share of the training images used for validation, unless the data set has validation images.
    pub validation_fraction: Option<f64>,
    /// Whether duplicates are kept on one side.
    pub group_duplicates: Option<bool>,
    /// Whether images with consecutive numbers are kept on one side.
    pub group_series: Option<bool>,
}

/// How a data set is split into training and validation images.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SplitOptions {
    /// The seed.
    pub seed: u64,
    /// The share of the training images used for validation, unless the data set has validation images.
    pub validation_fraction: f64,
    /// Which images are kept on one side.
    pub grouping: Grouping,
}

impl Default for SplitOptions {
    fn default() -> Self {
        Self { seed: 42, validation_fraction: 0.2, grouping: Grouping::default() }
    }
}

impl SplitParams {
    /// Reads them from the parameters of a run, which are also in `metrics.json`.
    pub(crate) fn of(params: &BTreeMap<String, String>) -> Self {
        fn read<T: FromStr>(params: &BTreeMap<String, String>, key: &str) -> Option<T> {
            params.get(key)?.parse().ok()
        }
        Self {
            seed: read(params, SEED),
            validation_fraction: read(params, VALIDATION_FRACTION),
            group_duplicates: read(params, GROUP_DUPLICATES),
            group_series: read(params, GROUP_SERIES),
        }
    }
}

/// Images that stay on the same side of a split. A model that was trained on one of them has nearly seen the others, so
/// that its accuracy on them says too little about other images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
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
